import type { Instruction } from "../instructions/types.ts";
import type { Layout } from "./layout.ts";
import type { PlanRequest } from "./request.ts";

/**
 * Build args that the file and the triggers of its bases declare nowhere, and that mean nothing by themselves:
 * slips of the keyboard, most likely.
 */
export function unusedArgs(
  { buildArgs, platformArgs = [] }: PlanRequest,
  instructions: readonly Instruction[],
  layouts: readonly Layout[],
): readonly string[] {
  const all = [
    ...instructions,
    ...layouts.flatMap(({ reachable }) => reachable.flatMap(({ stage }) => stage.instructions)),
  ];
  const declared = new Set(all.flatMap(namesOf));
  const given = new Set([...Object.keys(buildArgs), ...platformArgs.map(({ name }) => name)]);
  return [...given].filter((name) => !declared.has(name) && !PREDEFINED.test(name));
}

/** What RUNs, BuildKit's frontend and we know without an ARG. */
const PREDEFINED = /^(?:(?:HTTPS?|FTP|NO|ALL)_PROXY$|BUILDKIT_|(?:BUILD|TARGET)[A-Z]+$|SOURCE_DATE_EPOCH$)/i;

/** A trigger of the file's own declares for those who begin with its image. */
function namesOf(instruction: Instruction): readonly string[] {
  if (instruction.kind === "arg") return instruction.args.map(({ name }) => name.text);
  if (instruction.kind !== "onbuild") return [];
  return /^ARG\s/i.test(instruction.expression) ? instruction.expression.split(/\s+/).map(nameOf) : [];
}

function nameOf(text: string): string {
  return text.split("=", 1)[0] ?? "";
}
