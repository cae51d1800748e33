import type * as http from "node:http";
import { AppError } from "../../base/errors.ts";
import type { ProgressWatch } from "./progress-watch.ts";
import type { RequestBody } from "./transport.ts";

/** Progress is seen once a slice, so that a slow line does not look like a stalled one. */
const SLICE_BYTES = 256 * 1024;

/**
 * Writes the whole body at the pace of the socket. Stops quietly when the server has answered or the
 * connection is gone: the answer or the error is reported by the request itself.
 */
export async function sendBody(outgoing: http.ClientRequest, body: RequestBody, watch: ProgressWatch): Promise<void> {
  const { promise: ended, resolve: end } = Promise.withResolvers<"ended">();
  let isEnded = false;
  const stop = (): void => {
    isEnded = true;
    end("ended");
  };
  outgoing.once("response", stop);
  outgoing.once("close", stop);
  let sent = 0;
  for await (const chunk of body.open()) {
    for (let start = 0; start < chunk.length; start += SLICE_BYTES) {
      const slice = chunk.subarray(start, start + SLICE_BYTES);
      sent += slice.length;
      if (sent > body.size) throw wrongSize(body.size, "more");
      // The source may use its buffer again for the next chunk: this one has to have left it.
      await Promise.race([write(outgoing, slice), ended]);
      if (isEnded) return;
      watch.progress(slice.length);
      body.onSent?.(slice.length);
    }
  }
  if (isEnded) return;
  if (sent < body.size) throw wrongSize(body.size, `${sent}`);
  outgoing.end(() => {
    if (!isEnded) watch.uploaded();
  });
}

function write(outgoing: http.ClientRequest, slice: Uint8Array): Promise<void> {
  // A failed write is reported by the request's own error event.
  return new Promise((resolve) => outgoing.write(slice, () => resolve()));
}

function wrongSize(expected: number, found: string): AppError {
  return new AppError("BLOB_SOURCE_SIZE", `the blob to send has ${found} bytes, expected ${expected}`, {
    hint: "The store may be damaged; remove the blob and build again.",
  });
}
