import { AppError } from "../../base/errors.ts";
import type { SourceRange } from "../../base/source.ts";
import type { InstructionNode, Word } from "./ast.ts";
import { rangeInLine } from "./lines.ts";

export function wordRange(node: InstructionNode, word: Word): SourceRange {
  return rangeInLine(node.line, word.start, word.end);
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

/** Where an instruction's keyword stands. */
export function keywordRange(node: InstructionNode): SourceRange {
  const start = node.line.text.indexOf(node.keyword);
  return rangeInLine(node.line, start, start + node.keyword.length);
}

export function syntaxError(message: string, source: SourceRange, hint: string): AppError {
  return new AppError("DOCKERFILE_SYNTAX", message, { source, hint });
}

/** Too few or too many arguments. `usage` is the instruction as it should be written. */
export function argumentsError(node: InstructionNode, message: string, usage: string): AppError {
  return new AppError("DOCKERFILE_ARGUMENTS", `${node.name} ${message}`, {
    source: node.source,
    hint: `Write ${usage}.`,
  });
}
