import { printable } from "./redact.ts";

/** Hands each text to `onWarning` once, however often it comes up. */
export class Warnings {
  readonly #onWarning: (text: string) => void;
  readonly #seen = new Set<string>();

  constructor(onWarning: (text: string) => void) {
    this.#onWarning = onWarning;
  }

  say(text: string): void {
    if (this.#seen.has(text)) return;
    this.#seen.add(text);
    this.#onWarning(text);
  }

  /** distribution-spec, "Warnings": `Warning: 299 - "text"`, to be shown to the user. */
  heard(host: string, header: string | undefined): void {
    for (const match of (header ?? "").matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)) {
      this.say(`${host} says: ${printable((match[1] ?? "").replace(/\\(.)/g, "$1"))}`);
    }
  }
}
