import { withSource } from "../../../base/errors.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import { expand } from "../expansion/expand.ts";
import type { Environment, Expansion } from "../expansion/expand.ts";

/** Expands a word; what is wrong with it is said where it stands. */
export function expandAt(
  node: InstructionNode,
  word: Word,
  environment: Environment,
  escape: EscapeCharacter,
): Expansion {
  try {
    return expand(word.text, environment, { escape });
  } catch (error) {
    throw withSource(error, wordRange(node, word));
  }
}
