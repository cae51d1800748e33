import { AppError } from "../base/errors.ts";
import { decodeUtf8 } from "../base/utf8.ts";
import { toUtf8 } from "../layer/entry.ts";

/** Whether a path of COPY has to be expanded: an unescaped `*`, `?` or `[` (fsutil: containsWildcards). */
export function hasWildcard(path: string): boolean {
  return /^(?:[^\\*?[]|\\[^])*[*?[]/.test(path);
}

/** A path as a pattern that means it and nothing else. */
export function literalPattern(path: string): string {
  return path.replaceAll(/[*?[\\]/g, (character) => `[\\${character}]`);
}

/** The path that {@link literalPattern} made a pattern of; undefined where a pattern means more than one. */
export function literalPath(pattern: string): string | undefined {
  const path = pattern.replaceAll(/\[\\([*?[\\])\]/g, "$1");
  return literalPattern(path) === pattern ? path : undefined;
}

/**
 * Compiles one path component as Go's filepath.Match reads it: `*`, `?`, `[a-z]`, `[^a-z]` and `\`.
 * Pattern and names are `latin1` byte strings; `?` and ranges mean characters, so both are decoded.
 * Unlike Go's, a class never matches `/`. Throws `COPY_PATTERN_INVALID` where Go has ErrBadPattern.
 */
export function compileGlob(pattern: string): (name: string) => boolean {
  const tokens = tokenize(pattern);
  return (name) => matches(tokens, codePoints(name));
}

type Token =
  | { readonly kind: "star" }
  | { readonly kind: "any" }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] };

function codePoints(name: string): number[] {
  return Array.from(decodeUtf8(Buffer.from(name, "latin1")), (character) => character.codePointAt(0)!);
}

function tokenize(pattern: string): readonly Token[] {
  const input = codePoints(pattern).map((code) => String.fromCodePoint(code));
  const tokens: Token[] = [];
  for (let at = 0; at < input.length; at++) {
    const character = input[at]!;
    if (character === "*") {
      tokens.push({ kind: "star" });
    } else if (character === "?") {
      tokens.push({ kind: "any" });
    } else if (character === "[") {
      const { token, end } = readClass(input, at + 1, pattern);
      tokens.push(token);
      at = end;
    } else {
      const literal = character === "\\" ? input[++at] : character;
      if (literal === undefined) throw invalid(pattern);
      tokens.push(only(literal));
    }
  }
  return tokens;
}

/** Reads a class up to its `]`; `-` and `]` must be escaped to stand for themselves, as in Go. */
function readClass(input: readonly string[], start: number, pattern: string): { token: Token; end: number } {
  let at = start;
  const negated = input[at] === "^";
  if (negated) at++;
  const ranges: (readonly [number, number])[] = [];
  const readBound = (): number => {
    let character = input[at];
    if (character === undefined || character === "-" || character === "]") throw invalid(pattern);
    if (character === "\\") character = input[++at];
    at++;
    if (character === undefined) throw invalid(pattern);
    return character.codePointAt(0)!;
  };
  while (ranges.length === 0 || input[at] !== "]") {
    const low = readBound();
    if (input[at] !== "-") {
      ranges.push([low, low]);
      continue;
    }
    at++;
    ranges.push([low, readBound()]);
  }
  return { token: { kind: "class", negated, ranges }, end: at };
}

function only(character: string): Token {
  const code = character.codePointAt(0)!;
  return { kind: "class", negated: false, ranges: [[code, code]] };
}

/** Linear but for one step back to the last star, which is enough where only `*` can repeat. */
function matches(tokens: readonly Token[], name: readonly number[]): boolean {
  let token = 0;
  let star = -1;
  let resume = 0;
  for (let at = 0; at < name.length;) {
    const current = tokens[token];
    if (current?.kind === "star") {
      star = token++;
      resume = at;
    } else if (current !== undefined && accepts(current, name[at]!)) {
      token++;
      at++;
    } else if (star >= 0) {
      token = star + 1;
      at = ++resume;
    } else {
      return false;
    }
  }
  while (tokens[token]?.kind === "star") token++;
  return token === tokens.length;
}

function accepts(token: Token, code: number): boolean {
  if (token.kind !== "class") return true;
  return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated;
}

function invalid(pattern: string): AppError {
  return new AppError("COPY_PATTERN_INVALID", `pattern ${JSON.stringify(toUtf8(pattern))} is not valid`, {
    hint: "Close each [ with ] and write \\[ for a bracket in a name.",
  });
}
