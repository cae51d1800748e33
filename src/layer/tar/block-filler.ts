import type { BlockPool } from "../block-pool.ts";
import { BLOCK } from "./header.ts";

/** Lays bytes end to end into blocks of one length. */
export class BlockFiller {
  readonly #pool: BlockPool;
  readonly #ready: Buffer[] = [];
  #block: Buffer;
  #at = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
    this.#block = pool.take();
  }

  /** How many blocks are full. */
  get full(): number {
    return this.#ready.length;
  }

  /** The oldest full block. */
  shift(): Buffer {
    const block = this.#ready.shift();
    if (block === undefined) throw new Error("no block is full");
    return block;
  }

  /** A zeroed place for one header, in one piece: everything in a tar begins at a multiple of 512. */
  header(): { block: Buffer; at: number } {
    const block = this.#block;
    const at = this.#at;
    block.fill(0, at, at + BLOCK);
    this.#advance(BLOCK);
    return { block, at };
  }

  append(bytes: Uint8Array): void {
    const room = this.#block.length - this.#at;
    if (bytes.length < room) {
      this.#block.set(bytes, this.#at);
      this.#at += bytes.length;
      return;
    }
    this.#block.set(bytes.subarray(0, room), this.#at);
    this.#advance(room);
    if (bytes.length > room) this.append(bytes.subarray(room));
  }

  /** Zeros up to the next multiple of 512. */
  pad(): void {
    this.zeros((BLOCK - (this.#at % BLOCK)) % BLOCK);
  }

  zeros(count: number): void {
    for (let left = count; left > 0;) {
      const step = Math.min(left, this.#block.length - this.#at);
      this.#block.fill(0, this.#at, this.#at + step);
      this.#advance(step);
      left -= step;
    }
  }

  /** Everything that is left, the last block as long as it is. */
  *rest(): Generator<Buffer, void, undefined> {
    while (this.full > 0) yield this.shift();
    if (this.#at > 0) yield this.#block.subarray(0, this.#at);
  }

  #advance(count: number): void {
    this.#at += count;
    if (this.#at < this.#block.length) return;
    this.#ready.push(this.#block);
    this.#block = this.#pool.take();
    this.#at = 0;
  }
}
