import { closeSync, openSync, readSync } from "node:fs";
import { createHash } from "node:crypto";
import { AppError, errnoOf } from "../base/errors.ts";
import type { Digest } from "../oci/digest.ts";
import { digestAlgorithm, digestHex } from "../oci/digest.ts";
import { corruptBlob, storeError } from "./errors.ts";

const CHUNK = 1 << 20;

/** Is told of a corrupt blob while its file is still open. */
type OnCorrupt = (fd: number, reason: string) => void;

/**
 * Reads a blob and refuses to end unless size and digest are right. Fits where the layer pipeline
 * takes a file's content (layer/entry.ts).
 */
export class BlobReader {
  readonly #fd: number;
  readonly #path: string;
  readonly #digest: Digest;
  readonly #size: number;
  readonly #onCorrupt: OnCorrupt;
  readonly #hash;
  readonly #buffer: Buffer;
  #read = 0;
  #open = true;

  constructor(path: string, digest: Digest, size: number, onCorrupt: OnCorrupt) {
    this.#fd = openBlob(path, digest);
    this.#path = path;
    this.#digest = digest;
    this.#size = size;
    this.#onCorrupt = onCorrupt;
    this.#hash = createHash(digestAlgorithm(digest));
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(CHUNK, size)));
  }

  /** The next bytes, valid until the next call; undefined after the last. */
  next(): Uint8Array | undefined {
    if (this.#read === this.#size) {
      if (this.#size === 0) this.#check();
      return undefined;
    }
    const want = Math.min(this.#buffer.length, this.#size - this.#read);
    const got = this.#readInto(want);
    if (got === 0) this.#fail(`expected ${this.#size} bytes, found ${this.#read}`);
    const chunk = this.#buffer.subarray(0, got);
    this.#hash.update(chunk);
    this.#read += got;
    if (this.#read === this.#size) this.#check();
    return chunk;
  }

  /** May be called at any time and again. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  #readInto(want: number): number {
    try {
      return readSync(this.#fd, this.#buffer, 0, want, null);
    } catch (error) {
      // A sector that cannot be read is bytes that are not there: the same as wrong ones.
      if (errnoOf(error) === "EIO") this.#fail("it cannot be read (EIO)");
      throw storeError(error, this.#path);
    }
  }

  #check(): void {
    const found = this.#hash.digest("hex");
    if (found !== digestHex(this.#digest))
      this.#fail(`its content has the digest ${digestAlgorithm(this.#digest)}:${found}`);
  }

  #fail(reason: string): never {
    try {
      this.#onCorrupt(this.#fd, reason);
    } finally {
      this.close();
    }
    throw corruptBlob(this.#digest, reason);
  }
}

function openBlob(path: string, digest: Digest): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw storeError(error, path);
    throw new AppError("BLOB_MISSING", `blob ${digest} is not in the store`, {
      hint: "Run the same command again to get it anew.",
      cause: error,
      retryable: true,
    });
  }
}
