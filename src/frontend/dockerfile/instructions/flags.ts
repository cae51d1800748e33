import { AppError } from "../../../base/errors.ts";
import type { InstructionNode, Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import { didYouMean } from "../suggest.ts";

/** `list` may be given several times. */
type FlagKind = "boolean" | "string" | "list";

export interface Flags {
  boolean(name: string): boolean | undefined;
  string(name: string): Word | undefined;
  list(name: string): readonly Word[];
}

/**
 * Checks an instruction's flags against those it has. Throws `DOCKERFILE_UNKNOWN_FLAG` and
 * `DOCKERFILE_FLAG`: given twice, without a value, or with one that is not true or false.
 */
export function readFlags(node: InstructionNode, known: Readonly<Record<string, FlagKind>> = {}): Flags {
  const values = new Map<string, Word[]>();
  for (const flag of node.flags) {
    const { name, value } = splitFlag(flag);
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (kind === undefined) throw unknownFlag(node, flag, name, Object.keys(known));
    const list = values.get(name) ?? [];
    if (list.length > 0 && kind !== "list")
      throw flagError(node, flag, `flag --${name} is given twice`, "Keep one of them.");
    values.set(name, [...list, checkValue(node, flag, name, kind, value)]);
  }
  return {
    boolean: (name) => (values.has(name) ? values.get(name)![0]!.text !== "false" : undefined),
    string: (name) => values.get(name)?.[0],
    list: (name) => values.get(name) ?? [],
  };
}

export function flagError(node: InstructionNode, flag: Word, message: string, hint: string): AppError {
  return new AppError("DOCKERFILE_FLAG", `${node.name}: ${message}`, { source: wordRange(node, flag), hint });
}

function splitFlag(flag: Word): { readonly name: string; readonly value: string | undefined } {
  const equals = flag.text.indexOf("=");
  return equals < 0
    ? { name: flag.text.slice(2), value: undefined }
    : { name: flag.text.slice(2, equals), value: flag.text.slice(equals + 1) };
}

function checkValue(node: InstructionNode, flag: Word, name: string, kind: FlagKind, value: string | undefined): Word {
  if (kind !== "boolean") {
    if (value !== undefined) return { ...flag, text: value };
    throw flagError(node, flag, `flag --${name} has no value`, `Write --${name}=VALUE.`);
  }
  const text = value?.toLowerCase() ?? "true";
  if (text === "true" || text === "false") return { ...flag, text };
  throw flagError(
    node,
    flag,
    `flag --${name} is true or false, found ${JSON.stringify(value)}`,
    `Write --${name}, or --${name}=false.`,
  );
}

function unknownFlag(node: InstructionNode, flag: Word, name: string, known: readonly string[]): AppError {
  const list = known.map((option) => `--${option}`).join(", ");
  return new AppError("DOCKERFILE_UNKNOWN_FLAG", `${node.name} has no flag --${name}`, {
    source: wordRange(node, flag),
    hint:
      didYouMean(name, known) +
      (known.length > 0
        ? `${node.name} has ${list}.`
        : `${node.name} has no flags; write -- before an argument that starts with --.`),
  });
}
