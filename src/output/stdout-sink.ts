import type { Writable } from "node:stream";
import { AppError } from "../base/errors.ts";
import type { Sink } from "./file-sink.ts";

/** Standard output, or any stream, with no more on the way than its reader takes. Throws `OUTPUT_CLOSED` where that one leaves. */
export function openStdout(stream: Writable, signal: AbortSignal): Sink {
  return {
    write: async (chunk) => {
      // A stream keeps what it is given until it is written; chunks are used again.
      if (!stream.write(Buffer.from(chunk)) || stream.destroyed) await room(stream, signal);
    },
    commit: () => flushed(stream, signal),
    abort: () => {},
  };
}

/** Until the reader has taken what was written; a reader that left takes nothing any more. */
function room(stream: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: unknown): void => {
      for (const event of ["drain", "close", "error"]) stream.off(event, listeners[event as keyof typeof listeners]);
      signal.removeEventListener("abort", onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = (): void => done(signal.reason);
    const listeners = { drain: () => done(), close: () => done(closed()), error: () => done(closed()) };
    for (const [event, listener] of Object.entries(listeners)) stream.on(event, listener);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (stream.destroyed) done(closed());
    else if (!stream.writableNeedDrain) done();
  });
}

/** What was written may still be on its way when the last chunk is. */
async function flushed(stream: Writable, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    stream.write("", (error) => (error ? reject(closed()) : resolve()));
  });
}

function closed(): AppError {
  return new AppError("OUTPUT_CLOSED", "standard output was closed before all of the result was written to it", {
    hint: "write it into a file with dest=PATH, or let the reader read to the end",
  });
}
