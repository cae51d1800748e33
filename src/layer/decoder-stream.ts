import type { Gunzip, ZstdDecompress } from "node:zlib";
import { AppError, messageOf } from "../base/errors.ts";
import { layerCorrupt } from "./corrupt.ts";

/** Size of the chunks that decoders make. */
export const DECODED_BYTES = 512 * 1024;

/**
 * Options of the decoders: up to three chunks ahead of the consumer. As objects, since a byte stream
 * would join the chunks that wait by copying them.
 */
export const DECODER_OPTIONS = {
  chunkSize: DECODED_BYTES,
  readableObjectMode: true,
  readableHighWaterMark: 3,
};

/**
 * Runs `input` through a decoder of node:zlib, which works on libuv's pool while the consumer works
 * here. Throws `LAYER_CORRUPT` where the decoder does, and where bytes follow the end of what it
 * decodes: Node's decoders pass over those in silence.
 */
export async function* decoded(
  decoder: Gunzip | ZstdDecompress,
  input: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = input[Symbol.asyncIterator]();
  const feeding = feed(decoder, iterator);
  // It ends the decoder when it fails, which is seen below first or as well.
  feeding.catch(() => undefined);
  try {
    for await (const chunk of decoder) yield chunk as Buffer;
    await feeding;
  } catch (error) {
    throw error instanceof AppError ? error : asCorrupt(error);
  } finally {
    decoder.destroy();
    await iterator.return?.();
  }
}

async function feed(decoder: Gunzip | ZstdDecompress, input: AsyncIterator<Uint8Array>): Promise<void> {
  let fed = 0;
  try {
    for (;;) {
      const step = await input.next();
      if (step.done === true) break;
      fed += step.value.length;
      await new Promise<void>((resolve) => decoder.write(step.value, () => resolve()));
      if (decoder.destroyed) return;
      const surplus = fed - decoder.bytesWritten;
      if (surplus > 0)
        throw layerCorrupt(`expected the end of the compressed data at byte ${decoder.bytesWritten}, found more bytes`);
    }
    decoder.end();
  } catch (error) {
    decoder.destroy(error instanceof Error ? error : new Error(messageOf(error)));
    throw error;
  }
}

/** Errors of the decoder itself; those of the input (a file, a socket, an abort) stay what they are. */
function asCorrupt(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "Z_BUF_ERROR") return layerCorrupt("the compressed data ends early", error);
  return /^Z_|^ZSTD_/.test(code) ? layerCorrupt(`the compressed data is damaged: ${messageOf(error)}`, error) : error;
}
