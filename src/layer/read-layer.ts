import { AppError } from "../base/errors.ts";
import type { Digest } from "../oci/digest.ts";
import { openLayerStream, type Compression, type SizeGuard } from "./decompress.ts";
import { StreamDigest } from "./digests.ts";
import type { Entry } from "./entry.ts";
import { fileChunks } from "./file-chunks.ts";
import { readTar } from "./tar/reader.ts";

export interface ExpectedContent {
  /** Digest of the uncompressed tar. */
  readonly diffId: Digest;
  readonly uncompressedSize?: number | undefined;
}

export interface LayerReadOptions extends ExpectedContent {
  /** By media type. Of a compressed layer the bytes have the last word, see {@link openLayerStream}. */
  readonly kind: Compression;
  /** The blob's digest and size, checked on the way where given. */
  readonly blob?: { readonly digest: Digest; readonly size: number } | undefined;
  /** Default: no limit. Where entries go to a disk, `bytes` should be what it has room for. */
  readonly guard?: SizeGuard | undefined;
  readonly signal: AbortSignal;
}

/**
 * The entries of a layer blob, from a file or a stream. Throws `LAYER_DIGEST_MISMATCH` at the end
 * unless every byte is what was expected: what was made of the entries counts only after that.
 *
 * A consumer that stops early waits until the rest was read and checked, unless the signal aborts.
 */
export async function* readLayer(
  layer: string | AsyncIterable<Uint8Array>,
  options: LayerReadOptions,
): AsyncGenerator<Entry, void, undefined> {
  const { kind, blob, guard, signal } = options;
  const chunks = typeof layer === "string" ? fileChunks(layer, signal) : layer;
  const checked = blob === undefined ? chunks : verifiedBlob(chunks, blob);
  yield* verifiedEntries(openLayerStream(checked, kind, { guard, signal }), options);
}

/** As {@link readLayer}, from the uncompressed tar. */
export async function* verifiedEntries(
  chunks: AsyncIterable<Uint8Array>,
  expected: ExpectedContent,
): AsyncGenerator<Entry, void, undefined> {
  const digest = new StreamDigest(expected.diffId);
  const iterator = chunks[Symbol.asyncIterator]();
  let failed = false;
  try {
    yield* readTar(passed(iterator, digest));
  } catch (error) {
    failed = true;
    throw error;
  } finally {
    // Also when the consumer stops early: it must not take unverified bytes for good.
    if (failed) {
      await iterator.return?.();
    } else {
      await drain(passed(iterator, digest));
      verify("uncompressed layer", digest, { digest: expected.diffId, size: expected.uncompressedSize });
    }
  }
}

/** Passes chunks on and leaves the rest to others when its consumer stops. */
async function* passed(
  iterator: AsyncIterator<Uint8Array>,
  digest: StreamDigest,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let step = await iterator.next(); step.done !== true; step = await iterator.next()) {
    digest.update(step.value);
    yield step.value;
  }
}

async function drain(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

async function* verifiedBlob(
  chunks: AsyncIterable<Uint8Array>,
  expected: { readonly digest: Digest; readonly size: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const digest = new StreamDigest(expected.digest);
  for await (const chunk of chunks) {
    digest.update(chunk);
    if (digest.size > expected.size) break;
    yield chunk;
  }
  verify("layer blob", digest, expected);
}

function verify(
  subject: string,
  found: StreamDigest,
  expected: { readonly digest: Digest; readonly size?: number | undefined },
): void {
  const digest = found.digest();
  if (expected.size !== undefined && found.size !== expected.size) {
    throw mismatch(`${subject} ${expected.digest}: expected ${expected.size} bytes, found ${found.size}`);
  }
  if (digest !== expected.digest) throw mismatch(`${subject}: expected ${expected.digest}, found ${digest}`);
}

function mismatch(message: string): AppError {
  return new AppError("LAYER_DIGEST_MISMATCH", message, {
    hint: "Fetch the layer again; if that does not help, the image was pushed broken.",
  });
}
