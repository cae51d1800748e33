/**
 * Text of strangers (the output of a RUN, stage names, messages of registries) made harmless for a
 * terminal and a log: nothing in it may move the cursor, set a title, hide text or reorder it.
 */

/** What a line keeps of the colours its author gave it. */
export type Colors = "keep" | "drop";

/** Characters that change how others are read: bidirectional controls and separators of lines. */
const INVISIBLE = /[\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
const SGR = /^[0-9;:]{0,32}m$/;
/** An escape sequence longer than this is none. */
const SEQUENCE_LIMIT = 256;

/** One line of harmless text: escape sequences are gone, whitespace and newlines are single spaces. */
export function cleanLine(text: string): string {
  const cleaner = new Cleaner("drop");
  const clean = cleaner.feed(text.replaceAll(/\s+/g, " "));
  return clean.replaceAll(/ {2,}/g, " ").trim();
}

/** Several lines of harmless text. */
export function cleanText(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => new Cleaner("drop").feed(line))
    .join("\n");
}

type State =
  | { readonly kind: "text" }
  /** After ESC. */
  | { readonly kind: "escape" }
  /** After CSI: parameters, until a final byte. */
  | { readonly kind: "sequence"; readonly parameters: string }
  /** Inside an OSC, DCS, APC, PM or SOS string, until BEL or ST. */
  | { readonly kind: "string"; readonly length: number; readonly isEscaped: boolean };

const TEXT: State = { kind: "text" };
const ESCAPE: State = { kind: "escape" };
const OPEN_STRING: State = { kind: "string", length: 0, isEscaped: false };

/**
 * Takes escape sequences and control characters out of text that comes in pieces; a sequence may be
 * cut anywhere. The caller gives it one line at a time and calls {@link endLine} between them, so that
 * a sequence which never ends hides one line at most.
 */
export class Cleaner {
  readonly #colors: Colors;
  #state: State = TEXT;
  #isColored = false;

  constructor(colors: Colors) {
    this.#colors = colors;
  }

  /** `text` without newlines and carriage returns. */
  feed(text: string): string {
    if (this.#state === TEXT && !SUSPICIOUS.test(text)) return text;
    let clean = "";
    for (const character of text) clean += this.#take(character);
    return clean.replaceAll(INVISIBLE, "");
  }

  /** Forgets an unfinished sequence; answers what closes the colours that are still open. */
  endLine(): string {
    const { closing } = this;
    this.#state = TEXT;
    this.#isColored = false;
    return closing;
  }

  /** What closes the colours that are open now. */
  get closing(): string {
    return this.#isColored ? "\x1b[0m" : "";
  }

  #take(character: string): string {
    const state = this.#state;
    switch (state.kind) {
      case "text":
        return this.#takeText(character);
      case "escape":
        this.#state = afterEscape(character);
        return "";
      case "sequence":
        return this.#takeSequence(state.parameters, character);
      case "string":
        this.#state = insideString(state, character);
        return "";
    }
  }

  #takeText(character: string): string {
    const code = character.charCodeAt(0);
    if (code === 0x1b) this.#state = ESCAPE;
    else if (code === 0x9b) this.#state = { kind: "sequence", parameters: "" };
    else if (STRING_OPENERS.has(code)) this.#state = OPEN_STRING;
    else if (code === 0x09 || (code >= 0x20 && code < 0x7f) || code > 0x9f) return character;
    return "";
  }

  #takeSequence(parameters: string, character: string): string {
    const code = character.charCodeAt(0);
    if (code >= 0x20 && code <= 0x3f && parameters.length < SEQUENCE_LIMIT) {
      this.#state = { kind: "sequence", parameters: parameters + character };
      return "";
    }
    this.#state = code === 0x1b ? ESCAPE : TEXT;
    if (this.#colors === "drop" || !SGR.test(parameters + character)) return "";
    this.#isColored = !/^0*m$/.test(parameters + character);
    return `\x1b[${parameters}m`;
  }
}

const SUSPICIOUS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** DCS, SOS, OSC, PM and APC as single characters. */
const STRING_OPENERS: ReadonlySet<number> = new Set([0x90, 0x98, 0x9d, 0x9e, 0x9f]);

function afterEscape(character: string): State {
  if (character === "[") return { kind: "sequence", parameters: "" };
  if ("]PX^_".includes(character)) return OPEN_STRING;
  const code = character.charCodeAt(0);
  // Intermediate characters: `ESC ( B` chooses a character set.
  if (code === 0x1b || (code >= 0x20 && code <= 0x2f)) return ESCAPE;
  return TEXT;
}

function insideString(state: State & { kind: "string" }, character: string): State {
  const code = character.charCodeAt(0);
  const isEnd = code === 0x07 || code === 0x9c || (state.isEscaped && character === "\\");
  if (isEnd || state.length >= SEQUENCE_LIMIT * 16) return TEXT;
  return { kind: "string", length: state.length + 1, isEscaped: code === 0x1b };
}
