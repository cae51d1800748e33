import { withSource } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import { expand } from "../expansion/expand.ts";
import type { Environment, Expansion } from "../expansion/expand.ts";
import { rangeInLine } from "../lines.ts";

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

/** Where `$name` stands in a word; the word itself where it cannot be found. */
export function variableRange(node: InstructionNode, word: Word, name: string): SourceRange {
  const written = node.line.text.slice(word.start, word.end);
  const start = Math.max(written.indexOf(`\${${name}`), written.indexOf(`$${name}`));
  if (start < 0) return wordRange(node, word);
  const braces = written[start + 1] === "{" ? written.indexOf("}", start) + 1 - start : 0;
  const length = braces > 0 ? braces : name.length + (written[start + 1] === "{" ? 2 : 1);
  return rangeInLine(node.line, word.start + start, word.start + start + length);
}
