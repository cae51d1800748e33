import { AppError } from "../../base/errors.ts";
import type { SourceRange } from "../../base/source.ts";
import type { InstructionNode, Word } from "./ast.ts";
import { rangeInLine } from "./lines.ts";

export function wordRange(node: InstructionNode, word: Word): SourceRange {
  return rangeInLine(node.line, word.start, word.end);
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
