import type { Stage } from "../instructions/types.ts";
import { goQuote } from "../go-quote.ts";
import type { Linter } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const DUPLICATE_STAGE_NAME: Rule = {
  name: "DuplicateStageName",
  description: "Stage names should be unique",
  url: "https://docs.docker.com/go/dockerfile/rule/duplicate-stage-name/",
  severity: "warning",
  hint: "Give each stage a name of its own: of several only the last can be meant.",
};

export const RESERVED_STAGE_NAME: Rule = {
  name: "ReservedStageName",
  description: "Reserved words should not be used as stage names",
  url: "https://docs.docker.com/go/dockerfile/rule/reserved-stage-name/",
  severity: "warning",
  hint: "Choose another name: scratch and context have a meaning of their own.",
};

const RESERVED: ReadonlySet<string> = new Set(["context", "scratch"]);

export function checkStageNames(linter: Linter, stages: readonly Stage[]): void {
  const seen = new Set<string>();
  for (const { from } of stages) {
    const { name } = from;
    if (name === undefined) continue;
    const place = { source: from.node.source };
    if (RESERVED.has(name)) {
      const message = `Stage name should not use the same name as reserved stage ${goQuote(name)}`;
      linter.report(RESERVED_STAGE_NAME, message, place);
    }
    if (seen.has(name)) {
      const message = `Duplicate stage name ${goQuote(name)}, stage names should be unique`;
      linter.report(DUPLICATE_STAGE_NAME, message, place);
    }
    seen.add(name);
  }
}
