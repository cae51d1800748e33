import { AppError } from "../../../base/errors.ts";

/**
 * The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`: `*` and `?`, with
 * `\` before either or itself. Neither matches a line break (they are `.` in BuildKit's expressions).
 */
export type Glob = readonly GlobToken[];

type GlobToken =
  | { readonly kind: "star" }
  | { readonly kind: "any" }
  | { readonly kind: "literal"; readonly character: string };

/** Throws `DOCKERFILE_EXPANSION` where `\` stands before a character that needs none. */
export function parseGlob(pattern: string): Glob {
  const characters = Array.from(pattern);
  const tokens: GlobToken[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (character === "*") tokens.push({ kind: "star" });
    else if (character === "?") tokens.push({ kind: "any" });
    else if (character !== "\\") tokens.push({ kind: "literal", character });
    else tokens.push({ kind: "literal", character: escaped(pattern, characters[++at]) });
  }
  return tokens;
}

/** `value` without what the pattern matches at its start: the shortest, or the longest where `greedy`. */
export function trimPrefix(value: string, pattern: string, greedy: boolean): string {
  const characters = Array.from(value);
  const end = matchEnd(parseGlob(pattern), characters, 0, greedy);
  return end === undefined ? value : characters.slice(end).join("");
}

/** `value` without what the pattern matches at its end. */
export function trimSuffix(value: string, pattern: string, greedy: boolean): string {
  const backwards = Array.from(value).reverse();
  const end = matchEnd(parseGlob(pattern).toReversed(), backwards, 0, greedy);
  return end === undefined ? value : backwards.slice(end).reverse().join("");
}

/** `value` with the first longest match replaced, or every one where `all`. */
export function replaceMatch(value: string, pattern: string, replacement: string, all: boolean): string {
  const glob = parseGlob(pattern);
  const characters = Array.from(value);
  let result = "";
  let kept = 0;
  for (let from = 0; from <= characters.length;) {
    const match = findMatch(glob, characters, from);
    if (match === undefined) break;
    result += characters.slice(kept, match.start).join("");
    // An empty match right behind the last one is none, as in Go's ReplaceAll.
    if (match.end > kept || match.start === 0) result += replacement;
    kept = match.end;
    from = Math.max(match.end, from + 1);
    if (!all) break;
  }
  return result + characters.slice(kept).join("");
}

function escaped(pattern: string, character: string | undefined): string {
  if (character !== undefined && "*?\\/}".includes(character)) return character;
  throw new AppError(
    "DOCKERFILE_EXPANSION",
    `pattern ${JSON.stringify(pattern)} is not valid: \\ stands before ${character ?? "nothing"}`,
    { hint: "Escape only *, ?, /, } and \\ itself." },
  );
}

function findMatch(
  glob: Glob,
  characters: readonly string[],
  from: number,
): { start: number; end: number } | undefined {
  for (let start = from; start <= characters.length; start++) {
    const end = matchEnd(glob, characters, start, true);
    if (end !== undefined) return { start, end };
    if (glob[0]?.kind !== "star") continue;
    // A leading star has tried every start up to the line's end already.
    const lineEnd = characters.indexOf("\n", start);
    if (lineEnd < 0) return undefined;
    start = lineEnd;
  }
  return undefined;
}

/** Where a match that begins at `start` ends: the first such place, or the last. Follows all ways at once. */
function matchEnd(glob: Glob, characters: readonly string[], start: number, longest: boolean): number | undefined {
  let states = new Uint8Array(glob.length + 1);
  states[0] = 1;
  let end: number | undefined;
  for (let at = start; ; at++) {
    for (let i = 0; i < glob.length; i++) if (states[i] === 1 && glob[i]!.kind === "star") states[i + 1] = 1;
    if (states[glob.length] === 1) {
      end = at;
      if (!longest) return end;
    }
    const character = characters[at];
    if (character === undefined || !states.includes(1)) return end;
    const following = new Uint8Array(glob.length + 1);
    for (let i = 0; i < glob.length; i++) {
      if (states[i] !== 1 || !consumes(glob[i]!, character)) continue;
      following[glob[i]!.kind === "star" ? i : i + 1] = 1;
    }
    states = following;
  }
}

function consumes(token: GlobToken, character: string): boolean {
  return token.kind === "literal" ? token.character === character : character !== "\n";
}
