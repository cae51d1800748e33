import type { InstructionNode } from "../ast.ts";
import type { Linter } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const INVALID_DEFINITION_DESCRIPTION: Rule = {
  name: "InvalidDefinitionDescription",
  description:
    "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not " +
    "intended to be a description comment, add an empty line or comment between the instruction and the comment.",
  url: "https://docs.docker.com/go/dockerfile/rule/invalid-definition-description/",
  severity: "warning",
  experimental: true,
  hint: "Begin the comment with the name it describes, or put a line with # alone below it.",
};

/** The last comment line above a FROM or ARG describes it: it begins with a name that is defined there. */
export function checkDescription(linter: Linter, node: InstructionNode, names: readonly string[]): void {
  const [first] = names;
  const comment = node.comments.at(-1);
  if (first === undefined || comment === undefined || names.includes(comment.split(" ", 1)[0]!)) return;
  const example = names.length > 1 ? "<arg_key>" : first;
  const message = `Comment for ${node.name} should follow the format: \`# ${example} <description>\``;
  linter.report(INVALID_DEFINITION_DESCRIPTION, message, node);
}
