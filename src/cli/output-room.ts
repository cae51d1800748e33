import type { Writable } from "node:stream";

/** A reader that is this far behind is waited for. */
const BEHIND_BYTES = 1024 * 1024;

/**
 * Pending while more than a megabyte of what was written to `stream` has not been taken, since a stream
 * keeps without limit what its reader is too slow for. Undefined where there is room, or where nobody
 * reads any more; an interrupted build waits for no reader.
 */
export function roomIn(stream: Writable, signal: AbortSignal): Promise<void> | undefined {
  if (stream.writableLength < BEHIND_BYTES || stream.destroyed || signal.aborted) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ["drain", "error", "close"]) stream.off(event, done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    for (const event of ["drain", "error", "close"]) stream.on(event, done);
    signal.addEventListener("abort", done);
  });
}
