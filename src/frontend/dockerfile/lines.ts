import type { Position, SourceFile, SourceRange } from "../../base/source.ts";
import { leadingSpace } from "../../base/whitespace.ts";
import type { EscapeCharacter } from "./ast.ts";

/** One instruction's line, continuation lines joined, and where each part of it came from. */
export interface LogicalLine {
  readonly file: SourceFile;
  readonly text: string;
  readonly parts: readonly LinePart[];
}

interface LinePart {
  /** Where the part begins in the logical line. */
  readonly offset: number;
  readonly start: Position;
}

/** Reads a file line by line; `next` is the index of the first line not read. */
export interface LineReader {
  readonly file: SourceFile;
  /** With their line ends. */
  readonly lines: readonly string[];
  readonly escape: EscapeCharacter;
  /** How many lines at the head are directives, which are no comments. */
  readonly headLines: number;
  next: number;
}

export interface ReadLine extends LogicalLine {
  /** First and last line, counted from 1. */
  readonly first: number;
  readonly last: number;
  /** An empty line stands inside the continuation. */
  readonly hasEmptyContinuation: boolean;
  /** Text of comment lines met before it. */
  readonly comments: readonly string[];
}

export function splitLines(file: SourceFile): readonly string[] {
  const text = file.text.startsWith("\ufeff") ? file.text.slice(1) : file.text;
  const lines = text.split("\n");
  const last = lines.pop()!;
  return [...lines.map((line) => `${line}\n`), ...(last === "" ? [] : [last])];
}

/** The next line that holds an instruction, or undefined at the end. */
export function readLogicalLine(reader: LineReader): ReadLine | undefined {
  let comments: string[] = [];
  for (let line = nextLine(reader); line !== undefined; line = nextLine(reader)) {
    if (isComment(line)) {
      const comment = line.slice(leadingSpace(line) + 1).trim();
      // An empty comment line parts what describes the instruction from what does not.
      comments = comment === "" || reader.next <= reader.headLines ? [] : [...comments, comment];
      continue;
    }
    const begin = { line: reader.next, column: leadingSpace(line) + 1 };
    const { text, continues } = trimContinuation(line.slice(leadingSpace(line)), reader.escape);
    if (text === "" && !continues) continue;
    return {
      ...readContinuation(reader, text, begin, continues),
      file: reader.file,
      first: begin.line,
      last: reader.next,
      comments,
    };
  }
  return undefined;
}

/** The lines of a heredoc up to its terminator, or undefined where the file ends first. */
export function readUntil(reader: LineReader, terminator: string, ignoreTabs: boolean): string | undefined {
  const start = reader.next;
  for (let raw = reader.lines[reader.next++]; raw !== undefined; raw = reader.lines[reader.next++]) {
    const line = trimLineEnd(raw);
    if ((ignoreTabs ? line.replace(/^\t+/, "") : line) !== terminator) continue;
    return reader.lines.slice(start, reader.next - 1).join("");
  }
  reader.next = reader.lines.length;
  return undefined;
}

/** Where the text from offset `start` to `end` of a logical line stands in its file. */
export function rangeInLine(line: LogicalLine, start: number, end: number): SourceRange {
  return { file: line.file, start: positionAt(line, start), end: positionAt(line, end, true) };
}

function readContinuation(
  reader: LineReader,
  firstText: string,
  begin: Position,
  continues: boolean,
): Pick<ReadLine, "text" | "parts" | "hasEmptyContinuation"> {
  const pieces = [firstText];
  const parts: LinePart[] = [{ offset: 0, start: begin }];
  let length = firstText.length;
  let hasEmptyContinuation = false;
  while (continues) {
    const line = nextLine(reader);
    if (line === undefined) break;
    if (isComment(line)) continue;
    if (leadingSpace(line) === line.length) {
      hasEmptyContinuation = true;
      continue;
    }
    const piece = trimContinuation(line, reader.escape);
    parts.push({ offset: length, start: { line: reader.next, column: 1 } });
    pieces.push(piece.text);
    length += piece.text.length;
    continues = piece.continues;
  }
  return { text: pieces.join(""), parts, hasEmptyContinuation };
}

function nextLine(reader: LineReader): string | undefined {
  const line = reader.lines[reader.next];
  if (line === undefined) return undefined;
  reader.next++;
  return trimLineEnd(line);
}

function trimLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === "\n" || line[end - 1] === "\r")) end--;
  return line.slice(0, end);
}

function isComment(line: string): boolean {
  return line[leadingSpace(line)] === "#";
}

/** An escape character that ends the line, spaces apart, continues it, unless another stands before it. */
function trimContinuation(line: string, escape: EscapeCharacter): { text: string; continues: boolean } {
  let end = line.length;
  while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  if (line[end - 1] !== escape || line[end - 2] === escape) return { text: line, continues: false };
  return { text: line.slice(0, end - 1), continues: true };
}

/** An end belongs to the part before it, so that a range does not run on into the next line. */
function positionAt(line: LogicalLine, offset: number, isEnd = false): Position {
  const index = line.parts.findLastIndex((part) => (isEnd ? part.offset < offset : part.offset <= offset));
  const part = line.parts[Math.max(0, index)]!;
  return { line: part.start.line, column: part.start.column + offset - part.offset };
}
