import { Cleaner } from "./clean.ts";
import type { Colors } from "./clean.ts";

/** Longest line that is kept in one piece, in UTF-16 units. A longer one goes on in the next. */
const LINE_LIMIT = 4096;

/**
 * Cuts the output of one stream of one process into harmless lines, in bounded memory whatever comes.
 *
 * Invalid UTF-8 becomes U+FFFD. A carriage return starts the line anew, as progress bars mean it: what
 * stood before is dropped unless nothing follows.
 */
export class OutputLines {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #cleaner: Cleaner;
  #line = "";
  #returned = false;

  constructor(colors: Colors) {
    this.#cleaner = new Cleaner(colors);
  }

  /** The line that has not ended yet. */
  get partial(): string {
    return this.#line + (this.#line === "" ? "" : this.#cleaner.closing);
  }

  /** The lines that `data` ends. */
  push(data: Uint8Array): string[] {
    return this.#take(this.#decoder.decode(data, { stream: true }));
  }

  /** The line the stream ended in, if it did not end with a newline. */
  end(): string[] {
    const lines = this.#take(this.#decoder.decode());
    if (this.#line !== "") lines.push(this.#finish());
    return lines;
  }

  #take(text: string): string[] {
    const lines: string[] = [];
    for (const piece of text.split(/([\r\n])/)) {
      if (piece === "\n") lines.push(this.#finish());
      else if (piece === "\r") this.#returned = true;
      else if (piece !== "") this.#append(piece, lines);
    }
    return lines;
  }

  #append(piece: string, lines: string[]): void {
    if (this.#returned) {
      this.#line = "";
      this.#cleaner.endLine();
      this.#returned = false;
    }
    for (let at = 0; at < piece.length; at += LINE_LIMIT) {
      this.#line += this.#cleaner.feed(wellFormed(piece, at));
      if (this.#line.length >= LINE_LIMIT) lines.push(this.#finish());
    }
  }

  #finish(): string {
    const line = this.#line + this.#cleaner.endLine();
    this.#line = "";
    this.#returned = false;
    return line;
  }
}

/** The part at `at`, not cutting a surrogate pair in two. */
function wellFormed(text: string, at: number): string {
  const start = isLowSurrogate(text, at) ? at + 1 : at;
  const end = at + LINE_LIMIT;
  return text.slice(start, isLowSurrogate(text, end) ? end + 1 : end);
}

function isLowSurrogate(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff;
}
