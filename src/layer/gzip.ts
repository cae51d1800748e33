import { availableParallelism } from "node:os";
import { constants, crc32, deflateRaw } from "node:zlib";
import { mapOrdered } from "./map-ordered.ts";
import { rechunk } from "./rechunk.ts";

/** What one call compresses. Part of the format: another length gives other bytes. */
export const GZIP_BLOCK_BYTES = 1024 * 1024;

const WINDOW_BYTES = 32 * 1024;

/** Most blocks compress into one piece of this. More would be memory that waits for the collector. */
const OUTPUT_BYTES = 512 * 1024;

export interface CompressOptions {
  readonly level?: number | undefined;
  /** Blocks compressed at the same time. Default: as many as there are processors. Changes no byte. */
  readonly parallelism?: number | undefined;
  readonly signal: AbortSignal;
  /** Called with each block of input when it is no longer needed. */
  readonly release?: ((block: Uint8Array) => void) | undefined;
}

/**
 * What it makes is as large as buildah's layers. Against 5 it takes a quarter less time for 2 to 3 % more
 * bytes, against 6, whose size BuildKit's have, half the time for 2.5 to 3.5 % more (a Go toolchain, Go's
 * programs; Node 24). What the budget for COPY allows is 4.
 */
export const GZIP_DEFAULT_LEVEL = 4;

/** The most. Against zlib's 8, a twentieth to a fifth less time for 0.3 % more bytes (a Go toolchain, data that is half random). */
const MEMORY_LEVEL = 9;

/**
 * Compresses into one gzip member, in blocks on libuv's pool, each with the 32 KiB before it as
 * dictionary. The bytes depend on input and level alone, for one version of Node's zlib.
 */
export async function* gzipBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const level = options.level ?? GZIP_DEFAULT_LEVEL;
  const parallelism = options.parallelism ?? availableParallelism();
  let checksum = 0;
  let length = 0;
  let dictionary: Buffer | undefined;
  yield gzipHeader(level);
  // More in flight than run, so that no processor waits while what is done is taken in its turn and hashed.
  yield* mapOrdered(rechunk(chunks, GZIP_BLOCK_BYTES), parallelism + 3, options.signal, async (block) => {
    checksum = crc32(block, checksum);
    length += block.length;
    const before = dictionary;
    dictionary = Buffer.from(block.subarray(Math.max(0, block.length - WINDOW_BYTES)));
    const compressed = await deflateBlock(block, level, before);
    options.release?.(block);
    return compressed;
  });
  yield gzipTrailer(checksum, length);
}

/** No time and no system: the same everywhere. Extra flags as zlib sets them. */
function gzipHeader(level: number): Uint8Array {
  const flags = level === 9 ? 2 : level === 1 ? 4 : 0;
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, flags, 0xff);
}

/** An empty final block, since none of those before is marked as the last. */
function gzipTrailer(checksum: number, length: number): Uint8Array {
  const trailer = Buffer.alloc(10);
  trailer[0] = 3;
  trailer.writeUInt32LE(checksum, 2);
  trailer.writeUInt32LE(length % 2 ** 32, 6);
  return trailer;
}

function deflateBlock(block: Uint8Array, level: number, dictionary: Buffer | undefined): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const options = { level, memLevel: MEMORY_LEVEL, finishFlush: constants.Z_SYNC_FLUSH, chunkSize: OUTPUT_BYTES };
    deflateRaw(block, dictionary === undefined ? options : { ...options, dictionary }, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}
