import type { SourceRange } from "../../../base/source.ts";
import { suggestCased } from "../suggest.ts";
import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const UNDEFINED_VAR: Rule = {
  name: "UndefinedVar",
  description: "Variables should be defined before their use",
  url: "https://docs.docker.com/go/dockerfile/rule/undefined-var/",
  severity: "warning",
  hint: "Declare it above with ARG or ENV, in this stage or the one it begins with.",
};

/** A variable that an instruction of a stage uses, and neither ENV nor ARG nor the base image has set. */
export function reportUndefinedVariable(
  linter: Linter,
  name: string,
  {
    known,
    place,
    focus,
  }: { readonly known: Iterable<string>; readonly place: Place; readonly focus?: SourceRange | undefined },
): void {
  const similar = suggestCased(name, known);
  const guess = similar === undefined ? "" : ` (did you mean $${similar}?)`;
  linter.report(UNDEFINED_VAR, `Usage of undefined variable '$${name}'${guess}`, place, focus);
}
