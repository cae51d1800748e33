import { createZstdDecompress, zstdDecompress, zstdDecompressSync } from "node:zlib";
import { messageOf } from "../base/errors.ts";
import { ByteSource } from "./byte-source.ts";
import { layerCorrupt } from "./corrupt.ts";
import { decoded, DECODER_OPTIONS } from "./decoder-stream.ts";
import { FRAME_HEADER_BYTES, FrameScanner, parseFrameHeader, type FrameHeader } from "./zstd-frame.ts";

type ZstdFrame = FrameHeader & { readonly kind: "zstd" };

/** Frames up to this size after decoding are decoded in one call each, several at a time. */
const WHOLE_FRAME_BYTES = 8 * 1024 * 1024;
const WHOLE_FRAMES = 3;
/** Below this a call on the pool costs more than the decoding. */
const SYNC_FRAME_BYTES = 64 * 1024;

/**
 * Decodes any number of zstd frames. Node's decoders stop after the first one without an error
 * (nodejs/node#64741), and skippable frames may stand anywhere: so every frame is found by its headers
 * and decoded by itself. Throws `LAYER_CORRUPT` unless the input is frames from end to end.
 */
export async function* unzstd(input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const source = new ByteSource(input);
  const decoding: Promise<Uint8Array>[] = [];
  try {
    for (;;) {
      const frame = await nextFrame(source);
      if (frame !== undefined && isWhole(frame)) {
        const result = decodeFrame(await gather(source, frame), frame.contentBytes ?? 0);
        result.catch(() => undefined);
        decoding.push(result);
        const first = decoding.length < WHOLE_FRAMES ? undefined : decoding.shift();
        if (first !== undefined) yield await first;
        continue;
      }
      for (let first = decoding.shift(); first !== undefined; first = decoding.shift()) yield await first;
      if (frame === undefined) return;
      yield* decoded(createZstdDecompress(DECODER_OPTIONS), frameBytes(source, frame));
    }
  } finally {
    await Promise.allSettled(decoding);
    await source.close();
  }
}

/** The next frame to decode, not passed yet; undefined at the end of the input. */
async function nextFrame(source: ByteSource): Promise<ZstdFrame | undefined> {
  for (;;) {
    await source.ensure(FRAME_HEADER_BYTES);
    if (source.available === 0) return undefined;
    const header = parseFrameHeader(source.buffer, source.at);
    if (header === undefined)
      throw layerCorrupt(`expected a zstd frame at byte ${source.offset}, found something else`);
    if (header.kind === "zstd") return header;
    await skip(source, header.headerBytes + header.length);
  }
}

async function skip(source: ByteSource, count: number): Promise<void> {
  for (let left = count; left > 0;) {
    await source.ensure(1);
    const taken = source.take(left);
    if (taken === undefined) throw layerCorrupt("the compressed data ends within a skippable frame");
    left -= taken.length;
  }
}

async function* frameBytes(source: ByteSource, frame: ZstdFrame): AsyncGenerator<Buffer, void, undefined> {
  const scanner = new FrameScanner(frame);
  while (!scanner.ended) {
    await source.ensure(1);
    const taken = source.take(scanner.scan(source.buffer, source.at));
    if (taken === undefined) throw layerCorrupt("the compressed data ends within a zstd frame");
    yield taken;
  }
}

function isWhole(frame: ZstdFrame): boolean {
  return frame.contentBytes !== undefined && frame.contentBytes <= WHOLE_FRAME_BYTES;
}

async function gather(source: ByteSource, frame: ZstdFrame): Promise<Buffer> {
  const parts: Buffer[] = [];
  let total = 0;
  // No compressor makes a frame twice as large as its content: what does is not worth keeping in memory.
  const limit = 2 * (frame.contentBytes ?? 0) + SYNC_FRAME_BYTES;
  for await (const part of frameBytes(source, frame)) {
    parts.push(part);
    total += part.length;
    if (total > limit) throw layerCorrupt(`a zstd frame for ${frame.contentBytes} bytes takes more than ${limit}`);
  }
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

async function decodeFrame(frame: Buffer, contentBytes: number): Promise<Uint8Array> {
  const options = { chunkSize: contentBytes + 64, maxOutputLength: Math.max(1, contentBytes) };
  try {
    if (contentBytes <= SYNC_FRAME_BYTES) return zstdDecompressSync(frame, options);
    return await new Promise((resolve, reject) => {
      zstdDecompress(frame, options, (error, result) => {
        if (error === null) resolve(result);
        else reject(error);
      });
    });
  } catch (error) {
    throw layerCorrupt(`the compressed data is damaged: ${messageOf(error)}`, error);
  }
}
