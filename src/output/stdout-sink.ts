import type { Writable } from "node:stream";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
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

/** What kept standard output from taking what was written to it, other than its reader leaving. */
export function unwritable(cause: unknown): AppError {
  const full = errnoOf(cause) === "ENOSPC";
  return new AppError(
    full ? "OUTPUT_FULL" : "OUTPUT_UNWRITABLE",
    `standard output cannot be written: ${messageOf(cause)}`,
    { cause, hint: full ? "free space there or send it elsewhere" : "send it elsewhere" },
  );
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
    const listeners = {
      drain: () => done(),
      close: () => done(closed()),
      error: (cause: unknown) => done(closed(cause)),
    };
    for (const [event, listener] of Object.entries(listeners)) stream.on(event, listener);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (stream.destroyed) done(closed());
    else if (!stream.writableNeedDrain) done();
  });
}

/** What was written may still be on its way when the last chunk is. */
async function flushed(stream: Writable, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  stream.write("", (error) => (error ? reject(closed(error)) : resolve()));
  await promise.finally(() => signal.removeEventListener("abort", onAbort));
}

function closed(cause?: unknown): AppError {
  const errno = cause === undefined ? "EPIPE" : errnoOf(cause);
  if (errno !== undefined && errno !== "EPIPE") return unwritable(cause);
  return new AppError("OUTPUT_CLOSED", "standard output was closed before all of the result was written to it", {
    hint: "write it into a file with dest=PATH, or let the reader read to the end",
  });
}
