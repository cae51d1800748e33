import type * as http from "node:http";
import { errnoOf } from "../../base/errors.ts";
import { Agents } from "./agents.ts";
import type { Route } from "./agents.ts";
import { connectionError } from "./connection-error.ts";
import { readIncoming } from "./incoming.ts";
import { sendBody } from "./outgoing.ts";
import { ProgressWatch } from "./progress-watch.ts";
import type { TrustOptions } from "./trust.ts";

export interface Timeouts {
  /** From the request to a connection that can be used, name look-up and TLS included. Default 30 s. */
  readonly connectMs: number;
  /** Without a byte in either direction. A trickle below 1 KiB in this time counts as nothing. Default 60 s. */
  readonly idleMs: number;
  /** From the last byte of an upload to the answer: a registry may copy the blob before it. Default 300 s. */
  readonly commitMs: number;
}

export interface RequestBody {
  readonly size: number;
  /** It holds credentials. Default false. */
  readonly isSecret?: boolean | undefined;
  /** From the first byte, each time. */
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  onSent?(bytes: number): void;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Its user, password and fragment are not sent. */
  readonly url: URL;
  /**
   * Names in lower case. `content-length` is set from the body, and without word to the contrary we say who we are
   * and that we want no encoding: an encoded body would not have the digest that was asked for.
   */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** Hands over the whole body. Rejects when it ends early or `onChunk` throws. Call it once. */
  read(onChunk: (chunk: Uint8Array) => void): Promise<void>;
  /** Lets go of what is left of the body. Resolves when the connection is free again or, where that would cost more, closed. */
  discard(): Promise<void>;
}

export interface Transport {
  /** One request, one answer of any status: no redirects, no credentials, no second attempt. */
  send(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse>;
  close(): void;
}

export const DEFAULT_TIMEOUTS: Timeouts = { connectMs: 30_000, idleMs: 60_000, commitMs: 300_000 };

export function createTransport(options: TrustOptions, timeouts: Timeouts): Transport {
  const agents = new Agents(options);
  return {
    send: (request, signal) => exchange(request, agents.routeFor(request.url), timeouts, signal, true),
    close: () => agents.close(),
  };
}

async function exchange(
  request: HttpRequest,
  route: Route,
  timeouts: Timeouts,
  signal: AbortSignal,
  mayRepeat: boolean,
): Promise<HttpResponse> {
  signal.throwIfAborted();
  const outgoing = start(request, route);
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const watch = new ProgressWatch(outgoing, request.url, timeouts, signal, reject);
  outgoing.once("response", resolve);
  outgoing.on("error", reject);
  outgoing.once("close", () => reject(new Error("the connection was closed before the answer")));
  try {
    if (request.body === undefined) outgoing.end();
    else sendBody(outgoing, request.body, watch).catch((error: unknown) => watch.fail(error));
    return readIncoming(outgoing, await promise, request, watch);
  } catch (error) {
    watch.stop();
    outgoing.destroy();
    if (mayRepeat && watch.failure === undefined && request.body === undefined && isStale(outgoing, error)) {
      return exchange(request, route, timeouts, signal, false);
    }
    throw watch.failure ?? connectionError(error, request.url, route.proxy);
  }
}

const DEFAULT_HEADERS = { "accept-encoding": "identity", "user-agent": "manyarch" };

function start(request: HttpRequest, route: Route): http.ClientRequest {
  const { url, method, body } = request;
  const headers: Record<string, string> = { ...DEFAULT_HEADERS, ...request.headers };
  if (body !== undefined) headers["content-length"] = String(body.size);
  return route.request({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port,
    path: url.pathname + url.search,
    method,
    headers,
    agent: route.agent,
  });
}

/** A kept connection that the server closed while the request was on its way: it was not even read. */
function isStale(outgoing: http.ClientRequest, error: unknown): boolean {
  const errno = errnoOf(error);
  return outgoing.reusedSocket && (errno === "ECONNRESET" || errno === "EPIPE");
}
