import type { Digest } from "../oci/digest.ts";
import { BlockPool } from "./block-pool.ts";
import type { Compression } from "./decompress.ts";
import { StreamDigest } from "./digests.ts";
import type { Entries } from "./entry.ts";
import { gzipBlocks } from "./gzip.ts";
import { TAR_BLOCK_BYTES, tarBlocks } from "./tar/writer.ts";
import { ZSTD_FRAME_BYTES, zstdBlocks } from "./zstd.ts";

export interface LayerWriteOptions {
  readonly compression: {
    readonly kind: Compression;
    /** Default: 5 for gzip, 3 for zstd. */
    readonly level?: number | undefined;
  };
  /** Times after this one, in nanoseconds since the epoch, become this one (SOURCE_DATE_EPOCH). Default none. */
  readonly clampMtime?: bigint | undefined;
  /** Blocks compressed at the same time. Default: one for each processor. Changes no byte. */
  readonly parallelism?: number | undefined;
  /** Takes the blob. A chunk is good until the call, or the promise it answers with, is done. */
  readonly sink: { write(chunk: Uint8Array): void | Promise<void> };
  readonly signal: AbortSignal;
}

/** What a manifest and a config say of a layer. */
export interface WrittenLayer {
  /** Of the uncompressed tar. */
  readonly diffId: Digest;
  /** Of the blob. */
  readonly digest: Digest;
  /** Bytes of the blob. */
  readonly size: number;
  readonly uncompressedSize: number;
}

/**
 * Writes entries as a layer blob and digests it on the way: one pass, the memory of a few blocks. Times
 * lose their fractions of seconds, as with Docker, BuildKit and buildah.
 * Equal entries and options give equal bytes, whatever the parallelism.
 */
export async function writeLayer(entries: Entries, options: LayerWriteOptions): Promise<WrittenLayer> {
  const { clampMtime } = options;
  const pool = new BlockPool(options.compression.kind === "zstd" ? ZSTD_FRAME_BYTES : TAR_BLOCK_BYTES);
  return writeBlocks(tarBlocks(entries, { clampMtime, wholeSeconds: true, pool }), options, pool);
}

/** As {@link writeLayer}, of a tar that is there, byte for byte. Blocks that are done with go back into `pool`. */
export async function writeBlocks(
  tar: AsyncIterable<Uint8Array>,
  options: Omit<LayerWriteOptions, "clampMtime">,
  pool?: BlockPool,
): Promise<WrittenLayer> {
  const { sink, signal } = options;
  const content = new StreamDigest();
  const blob = new StreamDigest();
  for await (const chunk of compress(digested(tar, content, signal), pool, options)) {
    blob.update(chunk);
    const written = sink.write(chunk);
    if (written !== undefined) await written;
    if (options.compression.kind === "none") pool?.give(chunk);
  }
  return { diffId: content.digest(), digest: blob.digest(), size: blob.size, uncompressedSize: content.size };
}

function compress(
  blocks: AsyncIterable<Uint8Array>,
  pool: BlockPool | undefined,
  { compression, parallelism, signal }: Pick<LayerWriteOptions, "compression" | "parallelism" | "signal">,
): AsyncIterable<Uint8Array> {
  const release = pool === undefined ? undefined : (block: Uint8Array): void => pool.give(block);
  switch (compression.kind) {
    case "gzip":
      return gzipBlocks(blocks, { level: compression.level, parallelism, signal, release });
    case "zstd":
      return zstdBlocks(blocks, { level: compression.level, parallelism, signal, release });
    case "none":
      return blocks;
  }
}

async function* digested(
  blocks: AsyncIterable<Uint8Array>,
  digest: StreamDigest,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const block of blocks) {
    signal.throwIfAborted();
    digest.update(block);
    yield block;
  }
}
