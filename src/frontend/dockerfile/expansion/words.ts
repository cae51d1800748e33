import { isSpace } from "../../../base/whitespace.ts";

/** Collects expanded text into words. Text that was quoted does not split; an empty word is none. */
export class WordBuilder {
  readonly #words: string[] = [];
  #word = "";

  append(text: string): void {
    this.#word += text;
  }

  /** Appends text whose white space ends words. */
  split(text: string): void {
    for (const character of text) {
      if (isSpace(character.charCodeAt(0))) this.#end();
      else this.#word += character;
    }
  }

  finish(): readonly string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
  }
}
