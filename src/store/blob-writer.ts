import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { AppError, errnoOf } from "../base/errors.ts";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";
import { digestHex } from "../oci/digest.ts";
import { sizeMismatch, storeError } from "./errors.ts";
import type { StorePaths } from "./paths.ts";
import { blobPath } from "./paths.ts";

/** What a blob must turn out to be; what is absent is not checked. */
export interface ExpectedBlob {
  readonly digest?: Digest | undefined;
  readonly size?: number | undefined;
}

export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
}

type State = { readonly kind: "writing"; readonly fd: number } | { readonly kind: "ended" };

const fsyncOnPool = promisify(fsync);

/**
 * Writes one blob, hashing as it goes, and publishes it in the order that survives a power loss:
 * temporary file, fsync, check, rename, fsync of the directory (containerd's order). Any failure,
 * also an fsync's, which is never tried again, removes the temporary file and throws.
 */
export class BlobWriter {
  readonly #paths: StorePaths;
  readonly #temp: string;
  readonly #algorithm: DigestAlgorithm;
  readonly #hash;
  #size = 0;
  #state: State;

  constructor(paths: StorePaths, temp: string, algorithm: DigestAlgorithm) {
    this.#paths = paths;
    this.#temp = temp;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
    this.#state = { kind: "writing", fd: guard(temp, () => openSync(temp, "wx", 0o444)) };
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /** The digest of the bytes written so far. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.copy().digest("hex")}` as Digest;
  }

  /** Appends. The chunk may be reused when this returns. */
  write(chunk: Uint8Array): void {
    const fd = this.#fd();
    try {
      for (let done = 0; done < chunk.length;) done += writeSync(fd, chunk, done, chunk.length - done);
    } catch (error) {
      this.abort();
      throw storeError(error, this.#temp, chunk.length);
    }
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  /**
   * Publishes the blob under its digest. Throws `BLOB_SIZE_MISMATCH` or `BLOB_DIGEST_MISMATCH` where
   * it is not what was expected. That the blob is in the store already is no error.
   * Blocks for an fsync; {@link commitAsync} does not.
   */
  commit(expected: ExpectedBlob = {}): StoredBlob {
    return this.#publish(expected, (fd) => fsyncSync(fd));
  }

  /** As {@link commit}, with the fsync on Node's pool. An abort of `signal` gives the blob up. */
  async commitAsync(expected: ExpectedBlob, signal: AbortSignal): Promise<StoredBlob> {
    const fd = this.#fd();
    try {
      signal.throwIfAborted();
      await fsyncOnPool(fd);
      signal.throwIfAborted();
    } catch (error) {
      this.abort();
      throw signal.aborted ? error : storeError(error, this.#temp);
    }
    return this.#publish(expected, () => {});
  }

  /** Gives the blob up and removes what was written. Without effect after a commit or a failure. */
  abort(): void {
    if (this.#state.kind === "ended") return;
    const { fd } = this.#state;
    this.#state = { kind: "ended" };
    closeSync(fd);
    rmSync(this.#temp, { force: true });
  }

  #publish(expected: ExpectedBlob, sync: (fd: number) => void): StoredBlob {
    const fd = this.#fd();
    try {
      const blob: StoredBlob = { digest: `${this.#algorithm}:${this.#hash.digest("hex")}` as Digest, size: this.#size };
      check(blob, expected);
      const path = blobPath(this.#paths, blob.digest);
      if (!refresh(path, blob.size)) {
        sync(fd);
        this.#rename(path);
      }
      this.abort();
      return blob;
    } catch (error) {
      this.abort();
      throw storeError(error, this.#temp);
    }
  }

  #rename(path: string): void {
    const directory = dirname(path);
    if (this.#algorithm !== "sha256") mkdirSync(directory, { recursive: true, mode: 0o700 });
    renameSync(this.#temp, path);
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  #fd(): number {
    if (this.#state.kind === "ended") throw new Error("blob writer used after its end");
    return this.#state.fd;
  }
}

function check(found: StoredBlob, expected: ExpectedBlob): void {
  if (expected.size !== undefined && expected.size !== found.size) {
    throw sizeMismatch(expected.digest ?? found.digest, expected.size, found.size);
  }
  if (expected.digest !== undefined && digestHex(expected.digest) !== digestHex(found.digest)) {
    throw new AppError("BLOB_DIGEST_MISMATCH", `blob ${expected.digest}: its bytes have the digest ${found.digest}`, {
      retryable: true,
    });
  }
}

/** True where the blob is there already; marks it as used now, so that collection sees it is young. */
function refresh(path: string, size: number): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.size !== size) return false;
  try {
    const now = new Date();
    utimesSync(path, now, now);
    return true;
  } catch (error) {
    // Another process has found it corrupt and set it aside: the good one takes its place.
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

function guard<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw storeError(error, path);
  }
}
