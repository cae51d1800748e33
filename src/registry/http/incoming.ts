import type * as http from "node:http";
import { RegistryError } from "../errors.ts";
import { placeOf } from "./connection-error.ts";
import type { ProgressWatch } from "./progress-watch.ts";
import type { HttpRequest, HttpResponse } from "./transport.ts";

/** A body up to this size is read to its end when nobody wants it, to keep the connection. */
const DRAIN_BYTES = 64 * 1024;

export function readIncoming(
  outgoing: http.ClientRequest,
  incoming: http.IncomingMessage,
  request: HttpRequest,
  watch: ProgressWatch,
): HttpResponse {
  watch.answered();
  // Heard from the start: a reset between head and body must not be an unhandled event.
  let failure: Error | undefined;
  incoming.on("error", (error) => (failure ??= error));
  incoming.once("close", () => watch.stop());
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    url: request.url,
    read: (onChunk) => readBody(incoming, request.url, watch, () => failure, onChunk),
    discard: () => discard(outgoing, incoming, request, watch),
  };
}

function readBody(
  incoming: http.IncomingMessage,
  url: URL,
  watch: ProgressWatch,
  failure: () => Error | undefined,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const lose = (): void => reject(watch.failure ?? lost(url, failure()));
    if (incoming.readableEnded) return resolve();
    if (incoming.destroyed) return lose();
    incoming.on("data", (chunk: Uint8Array) => {
      watch.progress(chunk.length);
      try {
        onChunk(chunk);
      } catch (error) {
        reject(error);
        incoming.destroy();
      }
    });
    incoming.once("end", resolve);
    incoming.once("error", lose);
    incoming.once("close", lose);
  });
}

function discard(
  outgoing: http.ClientRequest,
  incoming: http.IncomingMessage,
  request: HttpRequest,
  watch: ProgressWatch,
): Promise<void> {
  // Neither event comes a second time.
  if (incoming.readableEnded || incoming.closed) return Promise.resolve();
  const length = Number(incoming.headers["content-length"] ?? Number.NaN);
  const unfinishedUpload = request.body !== undefined && !outgoing.writableFinished;
  if (unfinishedUpload || (request.method !== "HEAD" && !(length <= DRAIN_BYTES))) {
    watch.stop();
    incoming.destroy();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    incoming.once("end", resolve);
    incoming.once("close", resolve);
    incoming.resume();
  });
}

function lost(url: URL, cause: Error | undefined): RegistryError {
  return new RegistryError(
    "REGISTRY_UNREACHABLE",
    `the connection to ${placeOf(url)} broke in the middle of an answer`,
    {
      hint: "Try again; if it stays, look at the network and the registry's log.",
      retryable: true,
      cause,
    },
  );
}
