import { AppError, withSource } from "../../base/errors.ts";
import { lineRange } from "../../base/source.ts";
import type { SourceFile, SourceRange } from "../../base/source.ts";
import { parseArguments } from "./arguments.ts";
import type { Dockerfile, EscapeCharacter, Heredoc, InstructionNode } from "./ast.ts";
import { escapeOf, readDirectives } from "./directives.ts";
import { syntaxError } from "./errors.ts";
import { heredocsOfLine } from "./heredoc.ts";
import { rangeInLine, readLogicalLine, readUntil, splitLines } from "./lines.ts";
import type { LineReader, LogicalLine, ReadLine } from "./lines.ts";
import { splitFirst, splitFlags, trimSpan } from "./words.ts";
import type { Span } from "./words.ts";

/**
 * Parses a Dockerfile into its instructions, as BuildKit's parser does: what they mean, and whether
 * they exist, is for instructions/. Throws `DOCKERFILE_EMPTY` and `DOCKERFILE_SYNTAX`, with positions.
 */
export function parseDockerfile(source: SourceFile): Dockerfile {
  const lines = splitLines(source);
  const directives = readDirectives(source, lines);
  const headLines = directives.at(-1)?.source.start.line ?? 0;
  const reader: LineReader = { file: source, lines, escape: escapeOf(directives, lines), headLines, next: 0 };
  const instructions: InstructionNode[] = [];
  const emptyContinuations: SourceRange[] = [];
  for (let line = readLogicalLine(reader); line !== undefined; line = readLogicalLine(reader)) {
    if (line.hasEmptyContinuation) emptyContinuations.push(lineRange(source, line.last));
    instructions.push(readInstruction(reader, line));
  }
  if (instructions.length === 0) throw emptyFile(source, lines.length);
  return { source, directives, escape: reader.escape, instructions, emptyContinuations };
}

function readInstruction(reader: LineReader, line: ReadLine): InstructionNode {
  try {
    refuseNul(line);
    const node = parseLine({ line, start: 0, end: line.text.length }, reader.escape, 0);
    const heredocs = canHoldHeredocs(node) ? readHeredocs(reader, line) : [];
    return { ...node, heredocs, comments: line.comments, source: lineRange(line.file, line.first, reader.next) };
  } catch (error) {
    throw withSource(error, lineRange(line.file, line.first, line.last));
  }
}

/** No path and no argument of a program can hold one. Files saved as UTF-16 hold many. */
function refuseNul(line: ReadLine): void {
  const at = line.text.indexOf("\0");
  if (at < 0) return;
  throw syntaxError(
    "there is a NUL character in the line",
    rangeInLine(line, at, at + 1),
    "Save the file as UTF-8 text.",
  );
}

/** Deeper than any that is allowed: ONBUILD ONBUILD is refused later, by name. */
const ONBUILD_DEPTH_LIMIT = 8;

function parseLine(span: Span, escape: EscapeCharacter, depth: number): InstructionNode {
  const whole = trimSpan(span);
  const [keyword, afterKeyword] = splitFirst(whole);
  const { flags, rest } = splitFlags(afterKeyword, escape);
  const name = keyword.text.toUpperCase();
  return {
    keyword: keyword.text,
    name,
    flags,
    arguments:
      name === "ONBUILD" && rest.start < rest.end && depth < ONBUILD_DEPTH_LIMIT
        ? { kind: "instruction", instruction: parseLine(rest, escape, depth + 1) }
        : parseArguments(name, rest, escape),
    heredocs: [],
    comments: [],
    text: whole.line.text.slice(whole.start, whole.end),
    line: span.line,
    source: sourceOf(span.line),
  };
}

function canHoldHeredocs(node: InstructionNode): boolean {
  const inner = node.arguments.kind === "instruction" ? node.arguments.instruction : node;
  const isJson = inner.arguments.kind === "words" && inner.arguments.json;
  return ["ADD", "COPY", "RUN"].includes(inner.name) && !isJson;
}

function readHeredocs(reader: LineReader, line: ReadLine): readonly Heredoc[] {
  return heredocsOfLine(line.text).map((start) => {
    const content = readUntil(reader, start.name, start.chomp);
    if (content !== undefined) return { ...start, content };
    throw syntaxError(
      `heredoc ${JSON.stringify(start.name)} is not ended`,
      lineRange(line.file, line.first, line.last),
      `End it with a line that holds ${start.name} and nothing else.`,
    );
  });
}

function sourceOf(line: LogicalLine): ReturnType<typeof lineRange> {
  return lineRange(line.file, line.parts[0]!.start.line, line.parts.at(-1)!.start.line);
}

function emptyFile(source: SourceFile, count: number): AppError {
  return new AppError("DOCKERFILE_EMPTY", `${source.name} holds no instruction`, {
    source: lineRange(source, 1, Math.max(1, count)),
    hint: "Begin it with FROM IMAGE.",
  });
}
