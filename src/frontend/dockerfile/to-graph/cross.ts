import { formatPlatform } from "../../../oci/platform.ts";
import type { Platform } from "../../../oci/platform.ts";
import { isForeign, judgeCross } from "../../../plan/cross.ts";
import type { CrossVerdict } from "../../../plan/cross.ts";
import { mountFrom } from "../instructions/mount.ts";
import type { Instruction, RunInstruction } from "../instructions/types.ts";
import type { ResolvedImages } from "./images.ts";
import type { Layout, StageLayout } from "./layout.ts";

/** What is asked of stages that could cross-compile. */
export interface CrossRequest {
  readonly mode: "auto" | "suggest";
  /** Names of those that did not go well ({@link crossOrigin}). */
  readonly excluded: ReadonlySet<string>;
}

/** Stages that begin with one image: the one that names it, and those that go on from there. */
export interface Family {
  readonly root: StageLayout;
  readonly members: readonly StageLayout[];
  readonly verdict: CrossVerdict;
}

/** The stages of a target that run on the machine's platform, by index. */
export interface Crossing {
  readonly stages: ReadonlyMap<number, StageCrossing>;
}

export interface StageCrossing {
  /** The stage that names the image, and its target ({@link crossOrigin}). */
  readonly origin: string;
  /** The target gets files of it. Others are tools for such stages, and are compiled for the machine. */
  readonly compiles: boolean;
}

export const NO_CROSSING: Crossing = { stages: new Map() };

/** Names a stage of a target. */
export function crossOrigin(target: Platform, { stage }: StageLayout): string {
  return `${formatPlatform(target)} ${stage.index}`;
}

/** The families of a target that would be emulated and compile Go, with what is to be thought of them. */
export function goFamilies(layout: Layout, images: ResolvedImages, machine: Platform): readonly Family[] {
  const { reachable, target } = layout;
  if (!isForeign(target, machine) || target.os !== machine.os) return [];
  return reachable.flatMap((root) => {
    const { base, stage } = root;
    if (base.kind !== "image" || (stage.from.platform?.text ?? "") !== "") return [];
    const members = reachable.filter((other) => rootOf(layout, other) === root);
    const { config } = images(base).config;
    const instructions = members.flatMap((member) => member.stage.instructions);
    const verdict = judgeCross({
      image: base.name,
      env: [...(config.Env ?? []), ...instructions.flatMap(variables)],
      commands: instructions.filter(isRun).map(commandText),
      isImage: members.includes(layout.goal),
      isMounted: reachable.some((other) => !members.includes(other) && mounts(other, members)),
    });
    return verdict.kind === "other" ? [] : { root, members, verdict };
  });
}

/** The stages that are to cross. */
export function crossingOf(layout: Layout, families: readonly Family[], { excluded }: CrossRequest): Crossing {
  const chosen = families.filter(
    ({ root, verdict }) => verdict.kind === "eligible" && !excluded.has(crossOrigin(layout.target, root)),
  );
  const crossed = new Set(chosen.flatMap(({ members }) => members));
  const entries = chosen.flatMap(({ root, members }) => {
    const compiles = layout.reachable.some((other) => !crossed.has(other) && copies(other, members));
    const origin = crossOrigin(layout.target, root);
    return members.map(({ stage }) => [stage.index, { compiles, origin }] as const);
  });
  return { stages: new Map(entries) };
}

/** The command as the Dockerfile has it, heredocs included. */
export function commandText({ command, heredocs }: RunInstruction): string {
  const text = command.form === "shell" ? command.text : command.argv.join(" ");
  return [text, ...heredocs.map(({ content }) => content)].join("\n");
}

function rootOf({ stages }: Layout, stage: StageLayout): StageLayout {
  let root = stage;
  while (root.base.kind === "stage") root = stages[root.base.index]!;
  return stages[root.stage.index]!;
}

function copies({ stage, sources }: StageLayout, members: readonly StageLayout[]): boolean {
  return stage.instructions.some((instruction) => {
    if (instruction.kind !== "copy" || instruction.from === undefined) return false;
    return isOneOf(sources.get(instruction.from), members);
  });
}

function mounts({ stage, sources }: StageLayout, members: readonly StageLayout[]): boolean {
  return stage.instructions
    .filter(isRun)
    .some((run) => run.mounts.some((flag) => mountFrom(flag) !== undefined && isOneOf(sources.get(flag), members)));
}

function isOneOf(base: StageLayout["base"] | undefined, members: readonly StageLayout[]): boolean {
  return base?.kind === "stage" && members.some(({ stage }) => stage.index === base.index);
}

function isRun(instruction: Instruction): instruction is RunInstruction {
  return instruction.kind === "run";
}

function variables(instruction: Instruction): readonly string[] {
  return instruction.kind === "env" ? instruction.pairs.map(({ key, value }) => `${key.text}=${value.text}`) : [];
}
