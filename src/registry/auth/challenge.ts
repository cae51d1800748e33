/** One way to authenticate that a server offers (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case: some registries send `BASIC`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const SEPARATORS = /[\s,]*/y;
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"?/y;
/** Laxer than the RFC: realms and scopes are seen without quotes. */
const UNQUOTED = /[^\s,]*/y;

/**
 * Reads a `WWW-Authenticate` value: any number of challenges, as one header or several joined by commas.
 * What cannot be read is skipped, so that one odd challenge does not hide the others.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const scanner = new Scanner(header);
  for (;;) {
    scanner.take(SEPARATORS);
    if (scanner.atEnd) return challenges;
    const word = scanner.take(TOKEN);
    if (word === undefined) {
      scanner.skip();
      continue;
    }
    const current = challenges.at(-1);
    if (current !== undefined && scanner.take(/\s*=\s*/y) !== undefined) {
      const value = scanner.take(QUOTED, 1)?.replace(/\\(.)/g, "$1") ?? scanner.take(UNQUOTED) ?? "";
      if (!current.parameters.has(word.toLowerCase())) current.parameters.set(word.toLowerCase(), value);
      continue;
    }
    challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
    scanner.take(/ +/y);
    scanner.take(TOKEN68);
  }
}

/** The challenge to answer: bearer before basic, nothing else. */
export function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters.has("realm")) ??
    challenges.find(({ scheme }) => scheme === "basic")
  );
}

class Scanner {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  skip(): void {
    this.#position++;
  }

  /** What the sticky `pattern` matches here, or undefined; moves behind it. */
  take(pattern: RegExp, group = 0): string | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#position = pattern.lastIndex;
    return match[group];
  }
}
