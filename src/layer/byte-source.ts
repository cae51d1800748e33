const EMPTY = Buffer.alloc(0);

/**
 * A cursor over a run of chunks: parses in place what is at hand, waits only at chunk borders.
 *
 * `buffer` from `at` holds the `available` bytes at hand, in one piece. Chunks are read in place, so
 * whoever makes them must not write to them again.
 */
export class ByteSource {
  readonly #iterator: Iterator<Uint8Array> | AsyncIterator<Uint8Array>;
  #buffer: Buffer = EMPTY;
  #at = 0;
  /** What a chunk held beyond the bytes that were joined. Follows `#buffer`. */
  #later: Buffer | undefined;
  #exhausted = false;
  #passed = 0;

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  get at(): number {
    return this.#at;
  }

  get available(): number {
    return this.#buffer.length - this.#at;
  }

  /** Nothing follows what is at hand. */
  get ended(): boolean {
    return this.#exhausted && this.#later === undefined;
  }

  /** How many bytes were passed since the start. */
  get offset(): number {
    return this.#passed;
  }

  /** Passes `count` bytes, which must be at hand. */
  advance(count: number): void {
    this.#at += count;
    this.#passed += count;
    if (this.#at < this.#buffer.length || this.#later === undefined) return;
    this.#buffer = this.#later;
    this.#later = undefined;
    this.#at = 0;
  }

  /** Passes and returns what is at hand, at most `limit` bytes; undefined when nothing is. */
  take(limit: number): Buffer | undefined {
    const count = Math.min(limit, this.available);
    if (count === 0) return undefined;
    const taken = this.#buffer.subarray(this.#at, this.#at + count);
    this.advance(count);
    return taken;
  }

  /** Waits until `count` bytes are at hand in one piece, or the source has ended. */
  async ensure(count: number): Promise<void> {
    if (this.available >= count) return;
    const parts: Buffer[] = [];
    let total = this.available;
    if (total > 0) parts.push(this.#buffer.subarray(this.#at));
    while (total < count) {
      const part = this.#later ?? (await this.#pull());
      this.#later = undefined;
      if (part === undefined) break;
      parts.push(part);
      total += part.length;
    }
    this.#rejoin(parts, total, count);
  }

  /** Tells the producer that no more is wanted. */
  async close(): Promise<void> {
    this.#exhausted = true;
    await this.#iterator.return?.();
  }

  async #pull(): Promise<Buffer | undefined> {
    while (!this.#exhausted) {
      const step = this.#iterator.next();
      const result = step instanceof Promise ? await step : await Promise.resolve(step);
      if (result.done === true) {
        this.#exhausted = true;
      } else if (result.value.length > 0) {
        const { buffer, byteOffset, length } = result.value;
        return Buffer.from(buffer, byteOffset, length);
      }
    }
    return undefined;
  }

  #rejoin(parts: readonly Buffer[], total: number, count: number): void {
    const last = parts.at(-1);
    this.#at = 0;
    if (last === undefined || parts.length === 1) {
      this.#buffer = last ?? EMPTY;
      return;
    }
    // Only what was asked for is copied: the rest of the last chunk is read where it is.
    const surplus = Math.max(0, total - count);
    this.#buffer = Buffer.concat(parts, total - surplus);
    if (surplus > 0) this.#later = last.subarray(last.length - surplus);
  }
}
