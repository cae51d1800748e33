import { existsSync, fstatSync, mkdirSync, renameSync, statSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import type { Digest } from "../oci/digest.ts";
import { digestHex } from "../oci/digest.ts";
import { BlobReader } from "./blob-reader.ts";
import { BlobWriter } from "./blob-writer.ts";
import { corruptBlob, sizeMismatch, storeError } from "./errors.ts";
import type { OnNote } from "./notes.ts";
import type { StorePaths } from "./paths.ts";
import { blobPath } from "./paths.ts";
import type { TempSpace } from "./temp.ts";

/** What {@link BlobStore.verify} found. */
export type BlobCondition = "good" | "missing" | "corrupt";

/**
 * Content by digest, in the form of an OCI image layout: `blobs/sha256/HEX`.
 *
 * When a blob is checked: its bytes are hashed when they are written and again each time this process
 * reads them, at 2 GB/s (a 100 MB layer costs 50 ms, less than sending or unpacking it). {@link has}
 * looks at the size alone, two microseconds, so that a build which needs no byte of a blob never reads it.
 * A blob that is not what its name says is moved to `quarantine/`, reported as `BLOB_CORRUPT` and
 * missing from then on: whoever needs it fetches or makes it again.
 */
export class BlobStore {
  readonly #paths: StorePaths;
  readonly #onNote: OnNote;

  constructor(paths: StorePaths, onNote: OnNote) {
    this.#paths = paths;
    this.#onNote = onNote;
  }

  /** Where the blob is when it is there. For other programs: bytes read past {@link open} are not verified. */
  path(digest: Digest): string {
    return blobPath(this.#paths, digest);
  }

  /** True when the blob is in the store, and of `size` where that is given. Does not read it. */
  has(digest: Digest, size?: number): boolean {
    const found = statSync(this.path(digest), { throwIfNoEntry: false });
    if (found === undefined) return false;
    if (size === undefined || found.size === size) return true;
    // Either the blob is damaged or whoever names the size is wrong: only its digest can tell.
    this.verify(digest);
    return false;
  }

  /** Begins a blob. Nothing is in the store before `commit`, and nothing is left after `abort` or a crash. */
  writer(temp: Pick<TempSpace, "tempPath">, algorithm: "sha256" | "sha512" = "sha256"): BlobWriter {
    return new BlobWriter(this.#paths, temp.tempPath("blob"), algorithm);
  }

  /**
   * Reads synchronously over one reused buffer. The last bytes are handed out only after the whole
   * blob has proved right; whoever reads must not publish anything before the end.
   * Throws `BLOB_MISSING`, `BLOB_CORRUPT` (also its `next` does), after the blob was set aside, and
   * `BLOB_SIZE_MISMATCH` where the blob is good and `size` is not its size.
   */
  open(digest: Digest, size: number): BlobReader {
    const found = statSync(this.path(digest), { throwIfNoEntry: false })?.size ?? size;
    if (found !== size) {
      const condition = this.verify(digest);
      if (condition === "good") throw sizeMismatch(digest, size, found);
      if (condition === "corrupt") throw corruptBlob(digest, `expected ${size} bytes, found ${found}`);
    }
    return this.#reader(digest, size);
  }

  /** As {@link open}, as chunks of their own that may be kept. */
  async *read(digest: Digest, size: number): AsyncGenerator<Uint8Array, void, undefined> {
    const reader = this.open(digest, size);
    try {
      for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) yield Uint8Array.from(chunk);
    } finally {
      reader.close();
    }
  }

  /** The whole blob, or undefined where it is missing or was corrupt. For documents, not for layers. */
  readBytes(digest: Digest, size: number): Uint8Array | undefined {
    try {
      const reader = this.open(digest, size);
      try {
        // Only now: a manifest may name any size, but this is the file's.
        const bytes = new Uint8Array(size);
        let filled = 0;
        for (let chunk = reader.next(); chunk !== undefined; chunk = reader.next()) {
          bytes.set(chunk, filled);
          filled += chunk.length;
        }
        return bytes;
      } finally {
        reader.close();
      }
    } catch (error) {
      if (isLostBlob(error)) return undefined;
      throw error;
    }
  }

  /** Reads the whole blob, whatever its size, and sets it aside where it is not what its name says. */
  verify(digest: Digest): BlobCondition {
    const found = statSync(this.path(digest), { throwIfNoEntry: false });
    if (found === undefined) return "missing";
    try {
      const reader = this.#reader(digest, found.size);
      try {
        while (reader.next() !== undefined);
      } finally {
        reader.close();
      }
    } catch (error) {
      if (!isLostBlob(error)) throw error;
      return error.code === "BLOB_MISSING" ? "missing" : "corrupt";
    }
    return "good";
  }

  #reader(digest: Digest, size: number): BlobReader {
    return new BlobReader(this.path(digest), digest, size, (fd, reason) => {
      this.#quarantine(digest, fstatSync(fd).ino, reason);
    });
  }

  /** `inode` is of the file that was found corrupt: another process may have put a good one there since. */
  #quarantine(digest: Digest, inode: number, reason: string): void {
    const path = this.path(digest);
    if (statSync(path, { throwIfNoEntry: false })?.ino !== inode) return;
    const aside = `${this.#paths.quarantine}/${digestHex(digest)}`;
    try {
      mkdirSync(this.#paths.quarantine, { recursive: true, mode: 0o700 });
      renameSync(path, aside);
    } catch (error) {
      // Gone already: another process set it aside first.
      if (errnoOf(error) !== "ENOENT" || existsSync(path)) throw storeError(error, path);
    }
    this.#onNote("BLOB_CORRUPT", `blob ${digest} of the store is corrupt: ${reason}; moved to ${aside}`);
  }
}

/** True for the errors of a read after which the blob is not in the store (any more) and can be got again. */
export function isLostBlob(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === "BLOB_MISSING" || error.code === "BLOB_CORRUPT");
}
