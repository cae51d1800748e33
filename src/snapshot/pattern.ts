import { AppError } from "../base/errors.ts";
import { nameOfText, textOfName } from "../base/utf8.ts";

/**
 * One pattern of a .dockerignore, compiled to a small automaton: matching takes time in proportion to
 * the path, whatever the pattern (a translation into a backtracking regular expression would not).
 *
 * The language is moby's: `*`, `?`, `[a-z]`, `\` and `**`. Where moby hands a character to its regular
 * expressions by accident (`^` outside brackets, `\d`) it is literal here, as the documentation says.
 */
export interface Pattern {
  /** Whether the whole `path` (a `latin1` byte string) matches. */
  matches(path: string): boolean;
  /** Whether some path below the directory `path` could match. */
  reachesInto(path: string): boolean;
}

/** Compiles a clean pattern without its `!`. Throws `IGNORE_PATTERN_INVALID`. */
export function compilePattern(text: string): Pattern {
  const tokens = tokenize(text);
  const wild = tokens.findIndex((token) => token.kind !== "literal");
  if (wild < 0) return exactly(literalText(tokens), tokens);
  const head = literalText(tokens.slice(0, wild));
  const tail = literalText(tokens.slice(tokens.findLastIndex((token) => token.kind !== "literal") + 1));
  const run = automaton(tokens);
  return {
    matches: (path) =>
      // Most paths fail here, without being decoded.
      path.length >= head.length + tail.length && path.startsWith(head) && path.endsWith(tail) && run(path).accepted,
    reachesInto: (path) => run(`${path}/`).alive,
  };
}

type Token =
  | { readonly kind: "literal"; readonly code: number }
  /** `?`: one character but `/`. */
  | { readonly kind: "any" }
  /** `[a-z]`: may match `/` when negated, as in moby's expressions. */
  | {
      readonly kind: "class";
      readonly negated: boolean;
      readonly ranges: readonly (readonly [number, number])[];
    }
  /** `*`: any run without `/`. */
  | { readonly kind: "star" }
  /** `**` at the end (or leading an otherwise literal pattern): any run. */
  | { readonly kind: "globstar" }
  /** `**` or `**` and `/` elsewhere: nothing, or any run that ends in `/`; two states, `inside` being the run. */
  | { readonly kind: "directories" }
  | { readonly kind: "inside" };

const SLASH = 0x2f;

function exactly(name: string, tokens: readonly Token[]): Pattern {
  const run = automaton(tokens);
  return { matches: (path) => path === name, reachesInto: (path) => run(`${path}/`).alive };
}

function tokenize(text: string): readonly Token[] {
  const characters = Array.from(text);
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length;) {
    const character = characters[at]!;
    if (character === "*" && characters[at + 1] === "*") {
      at += characters[at + 2] === "/" ? 3 : 2;
      if (at >= characters.length) tokens.push({ kind: "globstar" });
      else tokens.push({ kind: "directories" }, { kind: "inside" });
    } else if (character === "*") {
      tokens.push({ kind: "star" });
      at++;
    } else if (character === "?") {
      tokens.push({ kind: "any" });
      at++;
    } else if (character === "[") {
      at = readClass(text, characters, at + 1, tokens);
    } else {
      const read = readCharacter(text, characters, at);
      tokens.push({ kind: "literal", code: read.code });
      at = read.next;
    }
  }
  return leadingGlobstar(text, tokens);
}

/** moby compares `**x` by its suffix where nothing else is wild: `**x` matches `ax`, `**x*` only `x…` and `a/x…`. */
function leadingGlobstar(text: string, tokens: readonly Token[]): readonly Token[] {
  const [first, second, ...rest] = tokens;
  if (first?.kind !== "directories" || second === undefined || text.startsWith("**/") || text.includes("\\"))
    return tokens;
  return rest.every((token) => token.kind === "literal") ? [{ kind: "globstar" }, ...rest] : tokens;
}

/** Reads from after `[`, by the grammar of Go's filepath.Match; answers where the class ends. */
function readClass(text: string, characters: readonly string[], start: number, tokens: Token[]): number {
  let at = start;
  const negated = characters[at] === "^";
  if (negated) at++;
  const ranges: (readonly [number, number])[] = [];
  while (ranges.length === 0 || characters[at] !== "]") {
    const low = readMember(text, characters, at);
    at = low.next;
    if (characters[at] !== "-") {
      ranges.push([low.code, low.code]);
      continue;
    }
    const high = readMember(text, characters, at + 1);
    at = high.next;
    ranges.push([low.code, high.code]);
  }
  tokens.push({ kind: "class", negated, ranges });
  return at + 1;
}

function readMember(text: string, characters: readonly string[], at: number): { code: number; next: number } {
  const character = characters[at];
  if (character === undefined || character === "-" || character === "]")
    throw invalid(text, "its [ is not closed by a ]");
  return readCharacter(text, characters, at);
}

function readCharacter(text: string, characters: readonly string[], at: number): { code: number; next: number } {
  const escaped = characters[at] === "\\";
  const character = characters[escaped ? at + 1 : at];
  if (character === undefined) throw invalid(text, "it ends in a \\ that escapes nothing");
  return { code: character.codePointAt(0)!, next: escaped ? at + 2 : at + 1 };
}

function literalText(tokens: readonly Token[]): string {
  return nameOfText(tokens.map((token) => (token.kind === "literal" ? String.fromCodePoint(token.code) : "")).join(""));
}

/**
 * State i is "the tokens before i are matched". Buffers are shared by all calls: matching is
 * synchronous, and a walk asks about every path.
 */
function automaton(
  tokens: readonly Token[],
): (path: string) => { readonly accepted: boolean; readonly alive: boolean } {
  const count = tokens.length;
  let states = new Uint8Array(count + 1);
  let following = new Uint8Array(count + 1);
  return (path) => {
    states.fill(0);
    states[0] = 1;
    skipOptional(tokens, states);
    for (const character of textOfName(path)) {
      following.fill(0);
      if (!step(tokens, states, following, character.codePointAt(0)!)) return { accepted: false, alive: false };
      skipOptional(tokens, following);
      [states, following] = [following, states];
    }
    return { accepted: states[count] === 1, alive: states.subarray(0, count).includes(1) };
  };
}

function skipOptional(tokens: readonly Token[], states: Uint8Array): void {
  for (let i = 0; i < tokens.length; i++) {
    if (states[i] !== 1) continue;
    const kind = tokens[i]!.kind;
    if (kind === "star" || kind === "globstar") states[i + 1] = 1;
    if (kind === "directories") states[i + 1] = states[i + 2] = 1;
  }
}

/** Answers whether any state is left. */
function step(tokens: readonly Token[], from: Uint8Array, to: Uint8Array, code: number): boolean {
  let left = false;
  for (let i = 0; i < tokens.length; i++) {
    if (from[i] !== 1) continue;
    const token = tokens[i]!;
    const stays = token.kind === "globstar" || token.kind === "inside" || (token.kind === "star" && code !== SLASH);
    if (stays) to[i] = 1;
    const advances = consumes(token, code);
    if (advances) to[i + 1] = 1;
    left ||= stays || advances;
  }
  return left;
}

function consumes(token: Token, code: number): boolean {
  switch (token.kind) {
    case "literal":
      return token.code === code;
    case "any":
      return code !== SLASH;
    case "class":
      return token.ranges.some(([low, high]) => low <= code && code <= high) !== token.negated;
    case "inside":
      return code === SLASH;
    default:
      return false;
  }
}

function invalid(text: string, reason: string): AppError {
  return new AppError("IGNORE_PATTERN_INVALID", `pattern ${JSON.stringify(text)} is not valid: ${reason}`, {
    hint: "Write \\[, \\* or \\\\ for a character that is meant as it stands.",
  });
}
