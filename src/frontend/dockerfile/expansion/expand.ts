import { isSpace } from "../../../base/whitespace.ts";
import { WordBuilder } from "./words.ts";
import { expandVariable } from "./variable.ts";
import { syntaxError } from "./errors.ts";

/** The variables an expansion may use. */
export type Environment = ReadonlyMap<string, string>;

export interface ExpansionOptions {
  /** What takes the meaning from the character behind it. Default `\`; the escape directive can make it a backtick. */
  readonly escape?: string | undefined;
  /** Keeps quotes in the result. */
  readonly rawQuotes?: boolean | undefined;
  /** Keeps escape characters in the result. */
  readonly rawEscapes?: boolean | undefined;
  /** Quotes are characters as any other: in heredocs. */
  readonly ignoreQuotes?: boolean | undefined;
  /** Leaves variables that are not set as they are written. */
  readonly keepUnset?: boolean | undefined;
}

export interface Expansion {
  readonly text: string;
  /** The text split at white space outside quotes, after expansion. */
  readonly words: readonly string[];
  /** Names used that were set, and that were not. */
  readonly matched: ReadonlySet<string>;
  readonly unmatched: ReadonlySet<string>;
}

/**
 * Expands quotes, escapes and `$name`, `${name…}` as BuildKit does for everything but RUN, CMD and
 * ENTRYPOINT. Throws `DOCKERFILE_EXPANSION` (bad syntax) and `DOCKERFILE_VARIABLE_REQUIRED` (`${name:?text}`),
 * without position: the caller knows where the word stands.
 */
export function expand(word: string, environment: Environment, options: ExpansionOptions = {}): Expansion {
  const scan: Scan = {
    word,
    characters: Array.from(word),
    at: 0,
    depth: 0,
    environment,
    options,
    escape: options.escape ?? "\\",
    matched: new Set(),
    unmatched: new Set(),
  };
  const words = new WordBuilder();
  const text = expandUntil(scan, undefined, options.rawEscapes ?? false, words);
  return { text, words: words.finish(), matched: scan.matched, unmatched: scan.unmatched };
}

/** An expansion under way. */
export interface Scan {
  readonly word: string;
  readonly characters: readonly string[];
  at: number;
  /** How many `${` are open. */
  depth: number;
  readonly environment: Environment;
  readonly options: ExpansionOptions;
  readonly escape: string;
  readonly matched: Set<string>;
  readonly unmatched: Set<string>;
}

/** Reads up to `stop` and over it, or to the end where it is undefined. */
export function expandUntil(scan: Scan, stop: string | undefined, rawEscapes: boolean, words?: WordBuilder): string {
  let text = "";
  for (let next = peek(scan); next !== undefined; next = peek(scan)) {
    if (next === stop) {
      scan.at++;
      return text;
    }
    const piece = readPiece(scan, next, rawEscapes);
    text += piece.text;
    if (piece.splits) words?.split(piece.text);
    else words?.append(piece.text);
  }
  if (stop !== undefined) throw syntaxError(scan, `it ends before the ${stop} that closes a substitution`);
  return text;
}

export function peek(scan: Scan): string | undefined {
  return scan.characters[scan.at];
}

interface Piece {
  readonly text: string;
  /** White space in it ends a word. */
  readonly splits: boolean;
}

function readPiece(scan: Scan, next: string, rawEscapes: boolean): Piece {
  if (next === "$") return { text: expandVariable(scan), splits: true };
  if (next === "<") return { text: readPossibleHeredoc(scan), splits: false };
  if (next === "'" && !scan.options.ignoreQuotes) return { text: readSingleQuoted(scan), splits: false };
  if (next === '"' && !scan.options.ignoreQuotes) return { text: readDoubleQuoted(scan, rawEscapes), splits: false };
  scan.at++;
  if (next !== scan.escape) return { text: next, splits: isSpace(next.charCodeAt(0)) };
  const escaped = peek(scan) ?? "";
  scan.at++;
  return { text: (rawEscapes ? next : "") + escaped, splits: false };
}

/** Everything between single quotes stands for itself; nothing can be escaped. */
function readSingleQuoted(scan: Scan): string {
  const end = scan.characters.indexOf("'", scan.at + 1);
  if (end < 0) throw syntaxError(scan, "a single quote is not closed");
  const inner = scan.characters.slice(scan.at + 1, end).join("");
  scan.at = end + 1;
  return scan.options.rawQuotes ? `'${inner}'` : inner;
}

/** Between double quotes variables are expanded, and the escape character works before `"`, `$` and itself. */
function readDoubleQuoted(scan: Scan, rawEscapes: boolean): string {
  const quote = scan.options.rawQuotes ? '"' : "";
  scan.at++;
  let text = quote;
  for (let next = peek(scan); next !== undefined; next = peek(scan)) {
    if (next === "$") {
      text += expandVariable(scan);
      continue;
    }
    scan.at++;
    if (next === '"') return text + quote;
    text += next === scan.escape ? readEscapedInQuotes(scan, rawEscapes) : next;
  }
  throw syntaxError(scan, "a double quote is not closed");
}

function readEscapedInQuotes(scan: Scan, rawEscapes: boolean): string {
  const kept = rawEscapes ? scan.escape : "";
  const next = peek(scan);
  if (next === undefined) return kept;
  if (next !== '"' && next !== "$" && next !== scan.escape) return kept + scan.escape;
  scan.at++;
  return kept + next;
}

/** `<<` keeps the white space behind it in its word: `<< EOF` is one. */
function readPossibleHeredoc(scan: Scan): string {
  scan.at++;
  if (peek(scan) !== "<") return "<";
  let text = "<<";
  scan.at++;
  for (let next = peek(scan); next === " " || next === "\t" || next === "\r"; next = peek(scan)) {
    text += next;
    scan.at++;
  }
  return text;
}
