/**
 * Blocks that are used again, so that a layer of any size takes the memory of a few.
 *
 * A block belongs to whoever took it until it is given back; giving none back is allowed and means
 * a fresh block each time.
 */
export class BlockPool {
  /** Length of every block in bytes. */
  readonly blockBytes: number;
  readonly #free: Buffer[] = [];

  constructor(blockBytes: number) {
    this.blockBytes = blockBytes;
  }

  /** A block with anything in it. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.blockBytes);
  }

  /** `block` may be a part of what was taken, as the last one of a stream is. */
  give(block: Uint8Array): void {
    if (block.buffer.byteLength !== this.blockBytes) return;
    this.#free.push(Buffer.from(block.buffer, 0, this.blockBytes));
  }
}
