import { isSpace } from "../../base/whitespace.ts";
import type { EscapeCharacter, Word } from "./ast.ts";
import type { LogicalLine } from "./lines.ts";

/** A stretch of a logical line. */
export interface Span {
  readonly line: LogicalLine;
  readonly start: number;
  readonly end: number;
}

/** The span without white space around it. */
export function trimSpan({ line, start, end }: Span): Span {
  let first = start;
  let last = end;
  while (first < last && isSpace(line.text.charCodeAt(first))) first++;
  while (last > first && isSpace(line.text.charCodeAt(last - 1))) last--;
  return { line, start: first, end: last };
}

export function spanWord({ line, start, end }: Span): Word {
  return { text: line.text.slice(start, end), start, end };
}

/** Words between white space, which here is ASCII only; quotes mean nothing. */
export function splitAtSpaces(span: Span): readonly Word[] {
  const words: Word[] = [];
  for (let at = span.start; at < span.end;) {
    const end = untilBlank(span, at);
    words.push(spanWord({ ...span, start: at, end }));
    at = afterBlanks(span, end);
  }
  return words;
}

/** The first word and what follows it. */
export function splitFirst(span: Span): readonly [first: Word, rest: Span] {
  const end = untilBlank(span, span.start);
  return [spanWord({ ...span, end }), { ...span, start: afterBlanks(span, end) }];
}

/** Words between white space outside quotes. Quotes and escapes are kept: expansion takes them off. */
export function splitOutsideQuotes(span: Span, escape: EscapeCharacter): readonly Word[] {
  const { text } = span.line;
  const words: Word[] = [];
  for (let at = span.start; at < span.end;) {
    if (isSpace(text.charCodeAt(at))) {
      at++;
      continue;
    }
    const { end, isDangling } = endOfQuotedWord(span, at, escape);
    const word = spanWord({ ...span, start: at, end: isDangling ? end - 1 : end });
    if (word.text !== "") words.push(word);
    at = end;
  }
  return words;
}

/** Flags before the arguments: words that start with `--`, quotes and escapes taken off. A lone `--` ends them. */
export function splitFlags(
  span: Span,
  escape: EscapeCharacter,
): { readonly flags: readonly Word[]; readonly rest: Span } {
  const { text } = span.line;
  const flags: Word[] = [];
  let at = span.start;
  while (at < span.end) {
    if (isSpace(text.charCodeAt(at))) {
      at++;
      continue;
    }
    if (!text.startsWith("--", at) || at + 2 > span.end) break;
    const word = readFlag(span, at, escape);
    at = word.end;
    if (word.text === "--") break;
    flags.push(word);
  }
  return { flags, rest: trimSpan({ ...span, start: at }) };
}

function readFlag(span: Span, start: number, escape: EscapeCharacter): Word {
  const { text } = span.line;
  let quote = "";
  let value = "";
  let at = start;
  for (; at < span.end; at++) {
    const character = text[at]!;
    if (quote === "" && isSpace(text.charCodeAt(at))) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character !== escape) value += character;
    else if (++at < span.end) value += text[at]!;
  }
  return { text: value, start, end: Math.min(at, span.end) };
}

/** Where a word ends, and whether its last character is an escape that has nothing to escape: BuildKit drops that. */
function endOfQuotedWord(
  span: Span,
  start: number,
  escape: EscapeCharacter,
): { readonly end: number; readonly isDangling: boolean } {
  const { text } = span.line;
  let quote = "";
  let at = start;
  for (; at < span.end; at++) {
    const character = text[at]!;
    if (quote === "" && isSpace(text.charCodeAt(at))) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === escape && quote !== "'") at++;
  }
  return { end: Math.min(at, span.end), isDangling: at > span.end };
}

const BLANKS = "\t\v\f\r ";

function untilBlank(span: Span, from: number): number {
  let at = from;
  while (at < span.end && !BLANKS.includes(span.line.text[at]!)) at++;
  return at;
}

function afterBlanks(span: Span, from: number): number {
  let at = from;
  while (at < span.end && BLANKS.includes(span.line.text[at]!)) at++;
  return at;
}
