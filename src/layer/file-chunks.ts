import { open, type FileHandle } from "node:fs/promises";

const READ_BYTES = 512 * 1024;

/** The bytes of a file in fresh chunks; the next one is read while the consumer works on this one. */
export async function* fileChunks(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await open(path);
  let ahead: Promise<Buffer> | undefined;
  try {
    ahead = readChunk(file);
    for (;;) {
      const chunk = await ahead;
      signal.throwIfAborted();
      if (chunk.length === 0) return;
      ahead = readChunk(file);
      yield chunk;
    }
  } finally {
    await Promise.allSettled([ahead]);
    await file.close();
  }
}

function readChunk(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  const reading = file.read(buffer, 0, READ_BYTES, null).then(({ bytesRead }) => buffer.subarray(0, bytesRead));
  // Seen when its turn comes; a consumer that stops before never sees it.
  reading.catch(() => undefined);
  return reading;
}
