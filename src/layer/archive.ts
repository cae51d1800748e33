import { AppError } from "../base/errors.ts";
import { detectCompression, openLayerStream } from "./decompress.ts";
import { throughProgram } from "./external-decoder.ts";
import { BLOCK, hasTarChecksum } from "./tar/header.ts";

/** What an archive is packed with; only its bytes tell, never its name. */
export type ArchiveCompression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

export interface ArchiveOptions {
  readonly signal: AbortSignal;
}

type Chunks = AsyncIterable<Uint8Array>;

/**
 * Whether `open` gives a tar, plain or compressed: the test of ADD, which unpacks what is one and
 * copies anything else (moby: isArchivePath). `open` is called up to two times.
 */
export async function isArchive(open: () => Chunks, options: ArchiveOptions): Promise<boolean> {
  const head = await firstBytes(open(), BLOCK);
  const compression = compressionOf(head);
  if (compression === "none") return isTarHeader(head);
  try {
    return isTarHeader(await firstBytes(decompressed(open(), compression, options), BLOCK));
  } catch (error) {
    options.signal.throwIfAborted();
    // Compressed by its first bytes alone: a file like any other.
    if (isCorrupt(error)) return false;
    throw error;
  }
}

function isCorrupt(error: unknown): error is AppError {
  return error instanceof AppError && error.code === "LAYER_CORRUPT";
}

/** Whether bytes begin as an archive does: packed, or a tar. 512 of them are enough. */
export function beginsArchive(head: Buffer): boolean {
  return compressionOf(head) !== "none" || isTarHeader(head);
}

/** The bytes of the tar in an archive. Throws `LAYER_CORRUPT`, and `ADD_NO_DECODER` where xz or bzip2 is missing. */
export async function* openArchive(open: () => Chunks, options: ArchiveOptions): AsyncGenerator<Uint8Array, void> {
  try {
    yield* decompressed(open(), compressionOf(await firstBytes(open(), BLOCK)), options);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    const hint = "Pack the archive again. ADD --unpack=false copies a file as it is.";
    throw new AppError(error.code, error.message, { cause: error.cause, hint });
  }
}

function decompressed(chunks: Chunks, compression: ArchiveCompression, options: ArchiveOptions): Chunks {
  switch (compression) {
    case "none":
    case "gzip":
    case "zstd":
      return openLayerStream(chunks, compression, options);
    case "bzip2":
    case "xz":
      return throughProgram(compression, chunks, options.signal);
  }
}

function compressionOf(head: Buffer): ArchiveCompression {
  if (head.subarray(0, 6).equals(XZ_MAGIC)) return "xz";
  if (/^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/.test(head.toString("latin1", 0, 10))) return "bzip2";
  return detectCompression(head);
}

const XZ_MAGIC = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);

function isTarHeader(block: Buffer): boolean {
  return block.length >= BLOCK && hasTarChecksum(block, 0);
}

async function firstBytes(chunks: Chunks, count: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length >= count) break;
  }
  return Buffer.concat(parts).subarray(0, count);
}
