import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestAlgorithm } from "../oci/digest.ts";
import { RegistryError } from "./errors.ts";
import type { HttpResponse } from "./http/transport.ts";
import type { Subject } from "./subject.ts";
import type { BlobSink, OnProgress } from "./types.ts";

/**
 * A blob on its way into a sink, over any number of answers from any number of hosts: `offset` bytes
 * are written and hashed, the next answer goes on from there.
 */
export class BlobDownload {
  readonly #descriptor: Descriptor;
  readonly #sink: BlobSink;
  readonly #onProgress: OnProgress | undefined;
  /** Undefined where the sink hashes. */
  #hash: Hash | undefined;
  #offset = 0;
  #isTainted = false;

  constructor(descriptor: Descriptor, sink: BlobSink, onProgress: OnProgress | undefined) {
    this.#descriptor = descriptor;
    this.#sink = sink;
    this.#onProgress = onProgress;
    this.#hash = this.#newHash();
  }

  /** Bytes that are there already; a range may be asked from here. */
  get offset(): number {
    return this.#offset;
  }

  get isComplete(): boolean {
    return this.#offset === this.#descriptor.size;
  }

  /**
   * Takes a body that starts at byte `start` of the blob. What is there already is passed over, not
   * written again: should it differ, the digest tells. Throws a retryable error where the body ends early.
   */
  async take(response: HttpResponse, start: number, subject: Subject): Promise<void> {
    let position = start;
    await response.read((chunk) => {
      const fresh = position >= this.#offset ? chunk : chunk.subarray(Math.min(chunk.length, this.#offset - position));
      position += chunk.length;
      if (position > this.#descriptor.size) throw this.#oversize(subject);
      if (fresh.length > 0) this.#write(fresh);
    });
    if (!this.isComplete) throw this.#truncated(position, subject);
  }

  /**
   * Throws `REGISTRY_DIGEST_MISMATCH` where the bytes are not the ones that were asked for. Then nothing
   * of them may be built on; the sink is emptied where it can be.
   */
  verify(subject: Subject): void {
    const { digest } = this.#descriptor;
    const hex = this.#hash?.copy().digest("hex");
    const found = hex === undefined ? this.#sink.digest?.() : `${digestAlgorithm(digest)}:${hex}`;
    if (found === digest) return;
    throw this.#wrong(subject, `its bytes have ${found}`);
  }

  /** Whether another host may be asked after a failure: not while wrong bytes are in the sink. */
  get canGoOn(): boolean {
    return !this.#isTainted;
  }

  #write(bytes: Uint8Array): void {
    this.#sink.write(bytes);
    this.#hash?.update(bytes);
    this.#offset += bytes.length;
    this.#onProgress?.(this.#offset);
  }

  #oversize(subject: Subject): RegistryError {
    return this.#wrong(subject, `${subject.host} sends more than its ${this.#descriptor.size} bytes`);
  }

  #wrong(subject: Subject, what: string): RegistryError {
    this.#startOver();
    return new RegistryError(
      "REGISTRY_DIGEST_MISMATCH",
      `${subject.what} from ${subject.host} is not what was asked for: ${what}`,
      {
        hint: "The registry or something before it changes content: do not use it until that is explained.",
      },
    );
  }

  #startOver(): void {
    this.#isTainted = this.#sink.reset === undefined;
    this.#sink.reset?.();
    this.#offset = 0;
    this.#hash = this.#newHash();
    this.#onProgress?.(0);
  }

  #newHash(): Hash | undefined {
    const algorithm = digestAlgorithm(this.#descriptor.digest);
    const own = this.#sink.digest?.();
    return own !== undefined && digestAlgorithm(own) === algorithm ? undefined : createHash(algorithm);
  }

  #truncated(position: number, subject: Subject): RegistryError {
    const message = `${subject.what} from ${subject.host} ends after ${position} of ${this.#descriptor.size} bytes`;
    return new RegistryError("REGISTRY_UNREACHABLE", message, {
      hint: "Try again; if it stays, the registry has lost part of the blob.",
      retryable: true,
    });
  }
}
