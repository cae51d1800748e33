import { createGunzip } from "node:zlib";
import { formatBytes } from "../base/bytes.ts";
import { AppError } from "../base/errors.ts";
import { ByteSource } from "./byte-source.ts";
import { layerCorrupt } from "./corrupt.ts";
import { DECODED_BYTES, decoded, DECODER_OPTIONS } from "./decoder-stream.ts";
import { fileChunks } from "./file-chunks.ts";
import { BLOCK, hasTarChecksum, isZeroBlock } from "./tar/header.ts";
import { unzstd } from "./unzstd.ts";

export type Compression = "gzip" | "zstd" | "none";

/** Stops a layer that would fill the disk; `LAYER_TOO_LARGE` when passed. Default: no limit. */
export interface SizeGuard {
  /** Bytes after decompression, such as what the disk has room for. */
  readonly bytes: number;
}

export interface OpenLayerOptions {
  readonly guard?: SizeGuard | undefined;
  readonly signal: AbortSignal;
}

/** What the first bytes of a blob say; four of them are enough. */
export function detectCompression(bytes: Uint8Array): Compression {
  const [a, b, c, d] = bytes;
  if (a === 0x1f && b === 0x8b) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  if (a !== undefined && (a & 0xf0) === 0x50 && b === 0x2a && c === 0x4d && d === 0x18) return "zstd";
  return "none";
}

/**
 * The uncompressed bytes of a layer, from a file or a stream, in chunks of about 512 KiB that are
 * never written to again. Decompressing goes on in libuv's pool while the consumer works, a bounded
 * way ahead of it.
 *
 * The chunks of a stream are kept for a while: its producer must not write to them again.
 *
 * Where `kind` is gzip or zstd the bytes decide which of the three it is, as with Docker and
 * containerd: images exist whose media type is wrong. Damaged, truncated or trailing bytes throw
 * `LAYER_CORRUPT`. That a layer is the right one only its diffID tells, see {@link readLayer}.
 */
export async function* openLayerStream(
  layer: string | AsyncIterable<Uint8Array>,
  kind: Compression,
  options: OpenLayerOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const source = new ByteSource(typeof layer === "string" ? fileChunks(layer, options.signal) : layer);
  let total = 0;
  try {
    for await (const chunk of decompress(source, kind)) {
      options.signal.throwIfAborted();
      total += chunk.length;
      checkGuard(options.guard, total);
      yield chunk;
    }
  } finally {
    await source.close();
  }
}

async function* decompress(source: ByteSource, kind: Compression): AsyncGenerator<Uint8Array, void, undefined> {
  await source.ensure(BLOCK);
  const input = remaining(source);
  switch (kind === "none" ? "none" : sniff(source, kind)) {
    case "gzip":
      yield* decoded(createGunzip(DECODER_OPTIONS), input);
      return;
    case "zstd":
      yield* unzstd(input);
      return;
    default:
      yield* input;
  }
}

/** Finds out what a layer that is said to be compressed is; plain only where it is a tar. */
function sniff(source: ByteSource, kind: Compression): Compression {
  const { buffer, at, available } = source;
  const found = detectCompression(buffer.subarray(at, at + 4));
  if (found !== "none") return found;
  if (available >= BLOCK && (hasTarChecksum(buffer, at) || isZeroBlock(buffer, at))) return "none";
  const start = buffer.toString("hex", at, at + Math.min(4, available));
  throw layerCorrupt(`expected a layer compressed with ${kind}, found ${start === "" ? "nothing" : `bytes ${start}`}`);
}

async function* remaining(source: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) {
    const chunk = source.take(DECODED_BYTES);
    if (chunk !== undefined) yield chunk;
    else if (source.ended) return;
    else await source.ensure(1);
  }
}

function checkGuard(guard: SizeGuard | undefined, total: number): void {
  if (guard === undefined || total <= guard.bytes) return;
  throw new AppError("LAYER_TOO_LARGE", `the layer is larger than ${formatBytes(guard.bytes)} when decompressed`, {
    hint: "Free disk space or use another image; a layer like this may be made to fill disks.",
  });
}
