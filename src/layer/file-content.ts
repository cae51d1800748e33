import { closeSync, constants, openSync, readSync } from "node:fs";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { BlockPool } from "./block-pool.ts";
import type { Content } from "./entry.ts";

const READ_BYTES = 1024 * 1024;

/**
 * Buffers of contents that were closed. Shared by all so that 20,000 small files take one buffer; a
 * content has its own as long as it is open.
 */
const BUFFERS = new BlockPool(READ_BYTES);

/**
 * The bytes of a file on disk, read synchronously from its start. A path is opened at the first read,
 * follows no symbolic link in its last component and does not wait at a fifo; a descriptor stays open.
 *
 * `size` is what the entry will say. A file that grew gives one byte more than that, one that shrank
 * gives less, so that the sink notices either; one that is gone throws `LAYER_CONTENT_CHANGED`.
 */
export function fileContent(file: string | Buffer | number, size: number): Content {
  return new FileContent(file, size);
}

export function bytesContent(bytes: Uint8Array): Content {
  let rest: Uint8Array | undefined = bytes.length === 0 ? undefined : bytes;
  return {
    next() {
      const all = rest;
      rest = undefined;
      return all;
    },
    close() {
      rest = undefined;
    },
  };
}

class FileContent implements Content {
  readonly #file: string | Buffer | number;
  /** What is still to be read, plus one byte to see that there is no more. */
  #left: number;
  #position = 0;
  #descriptor: number | undefined;
  #buffer: Buffer | undefined;

  constructor(file: string | Buffer | number, size: number) {
    this.#file = file;
    this.#left = size + 1;
  }

  next(): Uint8Array | undefined {
    if (this.#left === 0) return undefined;
    this.#buffer ??= BUFFERS.take();
    const wanted = Math.min(this.#left, this.#buffer.length);
    const count = this.#read(this.#buffer, wanted);
    this.#position += count;
    this.#left -= count;
    // A regular file reads short at its end only, which saves a read for each small file.
    if (count < wanted) this.#left = 0;
    return count === 0 ? undefined : this.#buffer.subarray(0, count);
  }

  close(): void {
    this.#left = 0;
    if (this.#buffer !== undefined) BUFFERS.give(this.#buffer);
    this.#buffer = undefined;
    if (this.#descriptor !== undefined && typeof this.#file !== "number") closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #read(buffer: Buffer, wanted: number): number {
    try {
      this.#descriptor ??= typeof this.#file === "number" ? this.#file : openFile(this.#file);
      return readSync(this.#descriptor, buffer, 0, wanted, this.#position);
    } catch (error) {
      if (!REPLACED.has(errnoOf(error) ?? "")) throw error;
      throw new AppError(
        "LAYER_CONTENT_CHANGED",
        `${String(this.#file)} is no longer the file it was: ${messageOf(error)}`,
        {
          hint: "Run the build again when nothing writes to the file.",
          cause: error,
          retryable: true,
        },
      );
    }
  }
}

/** What opening or reading says of a name that was a file and now is gone, a link, a directory or a fifo. */
const REPLACED: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EISDIR", "ESPIPE", "ENXIO"]);

function openFile(path: string | Buffer): number {
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
}
