import { redactUserinfo } from "../base/redact.ts";
import { formatPosition, linesOf } from "../base/source.ts";
import type { SourceRange } from "../base/source.ts";
import { cleanLine } from "./clean.ts";
import { displayWidth, truncate } from "./width.ts";

export interface ExcerptOptions {
  readonly columns: number;
  /** Colours what marks the lines meant. */
  readonly paint: (text: string) => string;
}

/** Lines shown before and after those meant. */
const CONTEXT = 2;
/** Of a range that is longer, the middle is left out. */
const RANGE_LINES = 8;

/** The place in the user's file, and the lines around it with those meant marked. */
export function renderExcerpt(range: SourceRange, options: ExcerptOptions): string[] {
  const text = range.file.text.replace(/\r?\n$/, "").split(/\r?\n/);
  const first = Math.max(1, range.start.line);
  const last = Math.min(text.length, Math.max(first, linesOf(range).last));
  const digits = String(Math.min(text.length, last + CONTEXT)).length;
  const lines = [`${" ".repeat(digits)} ${options.paint("-->")} ${cleanLine(formatPosition(range))}`];
  if (first > text.length) return lines;
  for (const number of numbers(first, last, text.length)) {
    if (number === undefined) {
      lines.push(`${" ".repeat(digits)} ⋮`);
      continue;
    }
    const isMeant = number >= first && number <= last;
    const mark = isMeant ? options.paint(">") : " ";
    // A password in an address must not get into a log; the marks may be off in such a line.
    const line = expandTabs(redactUserinfo(text[number - 1] ?? ""));
    lines.push(truncate(`${String(number).padStart(digits)} ${mark} | ${line}`, options.columns).trimEnd());
    const under = isMeant && first === last ? underline(range, text[number - 1] ?? "") : "";
    if (under !== "") lines.push(truncate(`${" ".repeat(digits)}   | ${options.paint(under)}`, options.columns));
  }
  return lines;
}

/** The numbers of the lines to show; undefined for what is left out. */
function numbers(first: number, last: number, total: number): (number | undefined)[] {
  const from = Math.max(1, first - CONTEXT);
  const to = Math.min(total, last + CONTEXT);
  const all = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  if (last - first + 1 <= RANGE_LINES) return all;
  const half = RANGE_LINES / 2;
  return [...all.filter((n) => n < first + half), undefined, ...all.filter((n) => n > last - half)];
}

/** `^^^` below what is meant, where the range is a part of the line. */
function underline({ start, end }: SourceRange, line: string): string {
  const isWhole = start.column <= 1 && (end.line > start.line || end.column > line.length);
  if (isWhole) return "";
  const before = expandTabs(line.slice(0, start.column - 1));
  const until = end.line > start.line ? line.length + 1 : end.column;
  const meant = expandTabs(line.slice(start.column - 1, until - 1));
  return " ".repeat(displayWidth(before)) + "^".repeat(Math.max(1, displayWidth(meant)));
}

function expandTabs(line: string): string {
  return keepSpaces(line.replaceAll("\t", "    "));
}

/** Harmless, but with every space in its place: columns count. */
function keepSpaces(line: string): string {
  return line
    .split(/( +)/)
    .map((part) => (part.startsWith(" ") ? part : cleanLine(part)))
    .join("");
}
