import { availableParallelism } from "node:os";
import { constants, zstdCompress } from "node:zlib";
import type { CompressOptions } from "./gzip.ts";
import { mapOrdered } from "./map-ordered.ts";
import { rechunk } from "./rechunk.ts";

/** What one frame holds. Part of the format: another length gives other bytes. */
export const ZSTD_FRAME_BYTES = 4 * 1024 * 1024;

export const ZSTD_DEFAULT_LEVEL = 3;

/** Most frames compress into one or two pieces of this. More would be memory that waits for the collector. */
const OUTPUT_BYTES = 1024 * 1024;

/**
 * Compresses into independent frames, each by one call on libuv's pool. Never by Node's streams, whose
 * output depends on the timing of writes (nodejs/node#66078) or is lost (nodejs/node#59899).
 */
export async function* zstdBlocks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const level = options.level ?? ZSTD_DEFAULT_LEVEL;
  const parallelism = options.parallelism ?? availableParallelism();
  let isEmpty = true;
  yield* mapOrdered(rechunk(chunks, ZSTD_FRAME_BYTES), parallelism + 1, options.signal, async (block) => {
    isEmpty = false;
    const compressed = await compressFrame(block, level);
    options.release?.(block);
    return compressed;
  });
  if (isEmpty) yield await compressFrame(new Uint8Array(0), level);
}

function compressFrame(block: Uint8Array, level: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const params = { [constants.ZSTD_c_compressionLevel]: level };
    zstdCompress(block, { params, pledgedSrcSize: block.length, chunkSize: OUTPUT_BYTES }, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
}
