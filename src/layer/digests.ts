import { createHash, type Hash } from "node:crypto";
import { digestAlgorithm, type Digest, type DigestAlgorithm } from "../oci/digest.ts";

/** Digest and length of bytes as they pass. */
export class StreamDigest {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #size = 0;

  /** `like` names the algorithm: that of an expected digest. Default sha256. */
  constructor(like?: Digest) {
    this.#algorithm = like === undefined ? "sha256" : digestAlgorithm(like);
    this.#hash = createHash(this.#algorithm);
  }

  get size(): number {
    return this.#size;
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#size += bytes.length;
  }

  /** Of everything so far; to be asked for once. */
  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest("hex")}` as Digest;
  }
}
