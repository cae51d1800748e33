import { formatBytes } from "../base/bytes.ts";
import type { StagePlan } from "../engine/events.ts";
import { cleanLine } from "./clean.ts";
import { formatPlatforms } from "./phrases.ts";
import { displayWidth } from "./width.ts";

/**
 * How stages with a RUN come to be made, a line for each way: what a build says of its plan. Nothing where
 * that is no news: one platform, which this machine runs by itself.
 */
export function planLines(stages: readonly StagePlan[]): string[] {
  const told = stages.filter(({ runs }) => runs.length > 0);
  const isPlain = told.every(({ strategy }) => strategy === "native");
  if (isPlain && new Set(stages.map(({ target }) => target)).size < 2) return [];
  return columns(
    grouped(told).map(({ stage, targets }) => ["plan:", cleanLine(stage.name), ...stageCells(stage, targets)]),
  );
}

/** The parts of a plan that {@link planText} shows. */
export interface PlanTable {
  readonly dockerfile: string;
  readonly machine: string;
  readonly platforms: readonly string[];
  readonly stages: readonly StagePlan[];
  readonly shared: readonly { readonly stage: string; readonly text: string; readonly platforms: readonly string[] }[];
  readonly fetches: readonly {
    readonly image: string;
    readonly platform: string;
    readonly digest: string;
    readonly size: number;
    readonly reason: string;
  }[];
}

/** A plan as `manyarch plan` prints it. */
export function planText(plan: PlanTable): string {
  const head = `${cleanLine(plan.dockerfile)} for ${formatPlatforms(plan.platforms)}, on ${plan.machine}`;
  return [
    head,
    ...section("Stages", stageRows(plan.stages)),
    ...section("RUNs that need an emulator", emulatedRows(plan)),
    ...section("Made once for several platforms", sharedRows(plan)),
    ...section("Fetched from registries, at most", fetchRows(plan)),
    "",
  ].join("\n");
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  const lines = rows.length === 0 ? ["none"] : columns(rows);
  return ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function stageRows(stages: readonly StagePlan[]): readonly (readonly string[])[] {
  const head = ["STAGE", "LINE", "PLATFORM", "STRATEGY", "STEPS", "SHARED", "WHY"];
  const rows = stages.map(({ name, line, target, strategy, steps, shared, reason }) =>
    [name, String(line), target, strategy, String(steps), String(shared), reason].map(cleanLine),
  );
  return [head, ...rows];
}

function emulatedRows({ stages, dockerfile }: PlanTable): readonly (readonly string[])[] {
  const runs = stages.flatMap(({ runs: all }) => all.filter(({ emulator }) => emulator !== null));
  const rows = runs.map(({ line, text, platform, emulator }) =>
    [`${dockerfile}:${line}`, platform, short(text), emulator ?? ""].map(cleanLine),
  );
  return distinct(rows);
}

function sharedRows({ shared }: PlanTable): readonly (readonly string[])[] {
  return shared.map(({ stage, text, platforms }) => [
    formatPlatforms(platforms),
    cleanLine(stage),
    cleanLine(short(text)),
  ]);
}

function fetchRows({ fetches }: PlanTable): readonly (readonly string[])[] {
  if (fetches.length === 0) return [];
  const rows = fetches.map(({ image, platform, digest, size, reason }) =>
    [formatBytes(size), image, platform, digest.slice(0, 19), reason].map(cleanLine),
  );
  const total = fetches.reduce((sum, { size }) => sum + size, 0);
  return [...rows, [formatBytes(total), "in all"]];
}

function stageCells({ strategy, reason }: StagePlan, targets: readonly string[]): readonly string[] {
  return [formatPlatforms(targets), strategy, cleanLine(reason)];
}

/** Platforms for which a stage is made in the same way, together. */
function grouped(
  stages: readonly StagePlan[],
): readonly { readonly stage: StagePlan; readonly targets: readonly string[] }[] {
  const groups = new Map<string, { readonly stage: StagePlan; readonly targets: string[] }>();
  for (const stage of stages) {
    const key = `${stage.index} ${stage.strategy} ${stage.reason}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { stage, targets: [stage.target] });
    else group.targets.push(stage.target);
  }
  return [...groups.values()];
}

function distinct(rows: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Map(rows.map((row) => [row.join("\0"), row])).values()];
}

/** The first line of an instruction, cut where it is long. */
function short(text: string): string {
  const [first = "", ...rest] = text.split("\n");
  return first.length > 70 || rest.length > 0 ? `${first.slice(0, 69)}…` : first;
}

/** Cells below each other, two spaces between them. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows.filter(({ length }) => length > 2)) {
    row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, displayWidth(cell))));
  }
  const pad = (cell: string, at: number): string =>
    cell + " ".repeat(Math.max(0, (widths[at] ?? 0) - displayWidth(cell)));
  return rows.map((row) => row.map(pad).join("  ").trimEnd());
}
