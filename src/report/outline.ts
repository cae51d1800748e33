import { linesOf } from "../base/source.ts";
import type { SourceRange } from "../base/source.ts";
import type { Outline, OutlineTarget } from "../frontend/dockerfile/to-graph/outline.ts";
import { cleanLine } from "./clean.ts";

/** As docker prints `--call=outline`. */
export function outlineText({ name, description, args, secrets, agents }: Outline): string {
  const head = [
    ["TARGET:", name ?? "(default)"],
    ...(description === undefined ? [] : [["DESCRIPTION:", description]]),
  ];
  const mounts = (title: string, list: Outline["secrets"]): string =>
    list.length === 0
      ? ""
      : table([[title, "REQUIRED"], ...list.map(({ id, required }) => [id, required ? "true" : ""])], 3);
  const parts = [
    name === undefined && description === undefined ? "" : table(head, 1),
    args.length === 0
      ? ""
      : table(
          [["BUILD ARG", "VALUE", "DESCRIPTION"], ...args.map((a) => [a.name, a.value ?? "", a.description ?? ""])],
          3,
        ),
    mounts("SECRET", secrets),
    mounts("SSH", agents),
  ];
  return parts.map((part) => (part === "" ? "" : `${part}\n`)).join("");
}

/** As docker prints `--call=targets`. */
export function targetsText(targets: readonly OutlineTarget[]): string {
  const rows = targets.map(({ name, description, isDefault }) => [targetName(name, isDefault), description ?? ""]);
  return table([["TARGET", "DESCRIPTION"], ...rows], 1);
}

function targetName(name: string | undefined, isDefault: boolean): string {
  if (!isDefault) return name ?? "";
  return name === undefined ? "(default)" : `${name} (default)`;
}

/** BuildKit's `result.json` of the subrequest `frontend.outline`. */
export function outlineJson({ name, description, args, secrets, agents }: Outline, text: string): string {
  const mounts = (list: Outline["secrets"]): object[] | undefined =>
    list.length === 0
      ? undefined
      : list.map(({ id, required, source }) => ({
          name: id,
          required: required || undefined,
          location: locationOf(source),
        }));
  return json({
    name,
    description,
    args:
      args.length === 0
        ? undefined
        : args.map((arg) => ({
            name: arg.name,
            description: arg.description,
            value: arg.value || undefined,
            location: locationOf(arg.source),
          })),
    secrets: mounts(secrets),
    ssh: mounts(agents),
    sources: [base64(text)],
  });
}

/** BuildKit's `result.json` of the subrequest `frontend.targets`. */
export function targetsJson(targets: readonly OutlineTarget[], text: string): string {
  return json({
    targets: targets.map(({ name, isDefault, description, base, platform, source }) => ({
      name,
      default: isDefault || undefined,
      description,
      base,
      platform,
      location: locationOf(source),
    })),
    sources: [base64(text)],
  });
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

/** Lines alone, as BuildKit has no columns there. */
function locationOf(source: SourceRange): object {
  const { first, last } = linesOf(source);
  return { ranges: [{ start: { line: first }, end: { line: last } }] };
}

/** Columns with `gap` spaces between them; the last one is as long as it is. */
function table(rows: readonly (readonly string[])[], gap: number): string {
  const clean = rows.map((row) => row.map(cleanLine));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((row) => (row[column] ?? "").length)) + gap);
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("");
  return clean.map((row) => `${line(row)}\n`).join("");
}
