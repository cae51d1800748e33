import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from "node:fs";

/** Letters that are kept in memory; of so many the older half goes to the disk. */
const KEPT = 128 * 1024;

/** A stack of JSON values of any height in the memory of a few hundred of them: the rest is in a file without a name. */
export class SpilledStack<T> {
  readonly #temporary: string;
  #texts: string[] = [];
  #letters = 0;
  #fd: number | undefined;
  /** Lengths of what was written, the lowest first. */
  readonly #blocks: number[] = [];
  #written = 0;

  /** `temporary` is a path where a file can be made for a moment. */
  constructor(temporary: string) {
    this.#temporary = temporary;
  }

  get isEmpty(): boolean {
    return this.#texts.length === 0 && this.#blocks.length === 0;
  }

  push(value: T): void {
    const text = JSON.stringify(value);
    this.#texts.push(text);
    this.#letters += text.length;
    if (this.#letters > KEPT) this.#spill();
  }

  /** The value that was pushed last; undefined where there is none. */
  pop(): T | undefined {
    if (this.#texts.length === 0) this.#restore();
    const text = this.#texts.pop();
    if (text === undefined) return undefined;
    this.#letters -= text.length;
    return JSON.parse(text) as T;
  }

  /** Frees the file. May be called again. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#blocks.length = 0;
    this.#texts = [];
    this.#letters = 0;
  }

  #spill(): void {
    const older = this.#texts.splice(0, Math.ceil(this.#texts.length / 2));
    for (const text of older) this.#letters -= text.length;
    // JSON has no line breaks.
    const block = Buffer.from(older.join("\n"));
    const fd = (this.#fd ??= openUnnamed(this.#temporary));
    for (let at = 0; at < block.length;) at += writeSync(fd, block, at, block.length - at, this.#written + at);
    this.#blocks.push(block.length);
    this.#written += block.length;
  }

  #restore(): void {
    const length = this.#blocks.pop();
    if (length === undefined || this.#fd === undefined) return;
    this.#written -= length;
    const block = Buffer.alloc(length);
    for (let at = 0; at < length;) {
      const got = readSync(this.#fd, block, at, length - at, this.#written + at);
      if (got === 0) throw new Error(`${this.#temporary} has lost what was written to it`);
      at += got;
    }
    this.#texts = block.toString().split("\n");
    this.#letters = length;
  }
}

function openUnnamed(path: string): number {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
  unlinkSync(path);
  return fd;
}
