import { createRegistryClient } from "../client.ts";
import type { Clock } from "../retry.ts";
import type { BlobSource, RegistryClient, RegistryClientOptions, Repository } from "../types.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import type { Digest } from "../../oci/digest.ts";
import { OCI_CONFIG, OCI_MANIFEST } from "../../oci/media-type.ts";
import { sha256 } from "./fake-registry.ts";

/** Sleeps take no time and are remembered; the time moves by them and by hand. */
export class FakeClock implements Clock {
  readonly slept: number[] = [];
  time = 0;

  now(): number {
    return this.time;
  }

  random(): number {
    return 0.5;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.slept.push(ms);
    this.time += ms;
  }
}

export interface TestClient extends RegistryClient {
  readonly clock: FakeClock;
  readonly warnings: string[];
  [Symbol.dispose](): void;
}

/** A client that knows nothing of the machine it runs on and never waits. */
export function createTestClient(options: Partial<RegistryClientOptions> = {}): TestClient {
  const clock = new FakeClock();
  const warnings: string[] = [];
  const client = createRegistryClient({ env: {}, clock, onWarning: (text) => warnings.push(text), ...options });
  return { ...client, clock, warnings, [Symbol.dispose]: () => client.close() };
}

export const never: AbortSignal = new AbortController().signal;

export function repositoryAt(host: string, path = "team/app"): Repository {
  return { domain: host, path };
}

export function sourceOf(bytes: Uint8Array, chunkSize = 64 * 1024): BlobSource {
  return {
    digest: parseDigest(sha256(bytes)),
    size: bytes.length,
    *open() {
      for (let start = 0; start < bytes.length; start += chunkSize) yield bytes.subarray(start, start + chunkSize);
    },
  };
}

export function describeBlob(bytes: Uint8Array): Descriptor {
  return { mediaType: "application/octet-stream", digest: parseDigest(sha256(bytes)), size: bytes.length };
}

/** A sink that keeps what it gets. */
export function collect(): { bytes(): Buffer; write(chunk: Uint8Array): void; reset(): void } {
  const chunks: Uint8Array[] = [];
  return {
    bytes: () => Buffer.concat(chunks),
    write: (chunk) => void chunks.push(chunk),
    reset: () => void chunks.splice(0),
  };
}

/** A manifest without layers; its config's digest is given so that it may be absent. */
export function manifestOf(config: Uint8Array = Buffer.from("{}")): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_CONFIG, digest: sha256(config), size: config.length },
      layers: [],
    }),
  );
}

/** Bytes that differ everywhere, so that a wrong offset shows. */
export function someBytes(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function digestOfBytes(bytes: Uint8Array): Digest {
  return parseDigest(sha256(bytes));
}

/** The error that `promise` ends with; fails where it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & { code?: string; hint?: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("it succeeded");
}
