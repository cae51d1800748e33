import type { ByteSource } from "../byte-source.ts";
import type { Content } from "../entry.ts";
import { tarError } from "./errors.ts";

/** The bytes of one entry, read from the archive as it passes. */
export class TarContent implements Content {
  readonly #source: ByteSource;
  #left: number;
  #abandoned = false;

  constructor(source: ByteSource, size: number) {
    this.#source = source;
    this.#left = size;
  }

  get left(): number {
    return this.#left;
  }

  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (this.#abandoned) throw new Error("content of a tar entry read after the next entry was asked for");
    if (this.#left === 0) return undefined;
    const bytes = this.#source.take(this.#left);
    if (bytes === undefined) return this.#wait();
    this.#left -= bytes.length;
    return bytes;
  }

  close(): void {}

  /** Passes bytes at hand unread; false when there are none. Nobody may read on from here. */
  skip(): boolean {
    this.#abandoned = true;
    const count = Math.min(this.#left, this.#source.available);
    this.#source.advance(count);
    this.#left -= count;
    return count > 0;
  }

  abandon(): void {
    this.#abandoned = true;
  }

  async #wait(): Promise<Uint8Array | undefined> {
    await this.#source.ensure(1);
    if (this.#source.available > 0) return this.next();
    throw tarError("TAR_TRUNCATED", this.#source.offset, `expected ${this.#left} more bytes of content`);
  }
}
