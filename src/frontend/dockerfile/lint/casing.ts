import type { InstructionNode } from "../ast.ts";
import type { Stage } from "../instructions/types.ts";
import { wordsOf } from "../instructions/words.ts";
import { wordRange, keywordRange } from "../errors.ts";
import type { Linter } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const STAGE_NAME_CASING: Rule = {
  name: "StageNameCasing",
  description: "Stage names should be lowercase",
  url: "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/",
  severity: "warning",
  hint: "Write the name in lower case.",
};

export const FROM_AS_CASING: Rule = {
  name: "FromAsCasing",
  description: "The 'as' keyword should match the case of the 'from' keyword",
  url: "https://docs.docker.com/go/dockerfile/rule/from-as-casing/",
  severity: "warning",
  hint: "Write FROM and AS, or from and as.",
};

export const CONSISTENT_INSTRUCTION_CASING: Rule = {
  name: "ConsistentInstructionCasing",
  description: "All commands within the Dockerfile should use the same casing (either upper or lower)",
  url: "https://docs.docker.com/go/dockerfile/rule/consistent-instruction-casing/",
  severity: "warning",
  hint: "Write all instructions alike.",
};

/** Looks at a FROM before its arguments are checked. */
export function checkFromCasing(linter: Linter, node: InstructionNode): void {
  const [, as, name, ...rest] = wordsOf(node);
  if (name !== undefined && rest.length === 0 && name.text !== name.text.toLowerCase()) {
    linter.report(STAGE_NAME_CASING, `Stage name '${name.text}' should be lowercase`, node, wordRange(node, name));
  }
  if (as === undefined || name === undefined || !isOneCase(node.keyword)) return;
  const expected = node.keyword === node.keyword.toLowerCase() ? as.text.toLowerCase() : as.text.toUpperCase();
  if (as.text === expected) return;
  const message = `'${as.text}' and '${node.keyword}' keywords' casing do not match`;
  linter.report(FROM_AS_CASING, message, node, wordRange(node, as));
}

/** Compares every instruction of the stages with most of them; ARGs before the first FROM do not count. */
export function checkInstructionCasing(linter: Linter, stages: readonly Stage[]): void {
  const nodes = stages.flatMap(({ from, instructions }) => [from.node, ...instructions.map(({ node }) => node)]);
  const lower = nodes.filter(({ keyword }) => keyword === keyword.toLowerCase()).length;
  const upper = nodes.filter(({ keyword }) => keyword === keyword.toUpperCase()).length;
  const [majority, spell] =
    lower > upper
      ? (["lowercase", (text: string) => text.toLowerCase()] as const)
      : (["uppercase", (text: string) => text.toUpperCase()] as const);
  for (const node of nodes) {
    if (node.keyword === spell(node.keyword)) continue;
    const message = `Command '${node.keyword}' should match the case of the command majority (${majority})`;
    linter.report(CONSISTENT_INSTRUCTION_CASING, message, { source: node.source }, keywordRange(node));
  }
}

function isOneCase(text: string): boolean {
  return text === text.toLowerCase() || text === text.toUpperCase();
}
