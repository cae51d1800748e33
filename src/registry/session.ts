import type { Authorizer } from "./auth/authorizer.ts";
import type { Scope } from "./auth/scope.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RegistryError } from "./errors.ts";
import { isGarbled } from "./http/connection-error.ts";
import { readText } from "./http/read-body.ts";
import { sendFollowing } from "./http/redirect.ts";
import type { HttpRequest, HttpResponse, RequestBody, Transport } from "./http/transport.ts";
import type { Urgency } from "./host-gate.ts";
import { retry } from "./retry.ts";
import type { Clock, RetryPolicy } from "./retry.ts";
import type { Subject } from "./status-error.ts";
import type { Warnings } from "./warnings.ts";

/** One request to a registry. */
export interface Call {
  readonly method: HttpRequest["method"];
  readonly endpoint: Endpoint;
  /** The repository as the endpoint names it. */
  readonly path: string;
  /** What follows `/v2/REPOSITORY/`, or the URL of an upload. */
  readonly target: string | URL;
  readonly scopes: readonly Scope[];
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: RequestBody | undefined;
  readonly subject: Subject;
}

export interface SessionOptions {
  readonly transport: Transport;
  readonly authorizer: Authorizer;
  readonly warnings: Warnings;
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** What every operation is made of: authorised requests, a place at the host, and attempts. */
export class Session {
  readonly #options: SessionOptions;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Holds a place at the host while `attempt` is tried as often as the policy allows. */
  attempts<T>(
    endpoint: Endpoint,
    urgency: Urgency,
    signal: AbortSignal,
    attempt: (previous: RegistryError | undefined, headway: () => void) => Promise<T>,
  ): Promise<T> {
    const { policy, clock } = this.#options;
    const { gate } = endpoint;
    return gate.use(urgency, signal, () =>
      retry(
        async (previous, headway) => {
          await gate.rested(signal);
          return attempt(previous, headway);
        },
        { policy, clock, onThrottled: (ms) => gate.rest(ms) },
        signal,
      ),
    );
  }

  /**
   * Sends once, with one more request where the registry asks for (other) credentials. Answers of every
   * status come back, but for a 401 that stays: `REGISTRY_UNAUTHORIZED`.
   */
  async send(call: Call, signal: AbortSignal): Promise<HttpResponse> {
    const { authorizer } = this.#options;
    const authorization = await authorizer.prepare(call, signal);
    const response = await this.#exchange(call, authorization, signal);
    if (response.status !== 401 || !fromRegistry(call, response)) return response;
    const next = await authorizer.answer(response, call, authorization, signal);
    const second = await this.#exchange(call, next, signal);
    if (second.status !== 401 || !fromRegistry(call, second)) return second;
    throw await authorizer.refused(second, call, signal);
  }

  async #exchange(call: Call, authorization: string | undefined, signal: AbortSignal): Promise<HttpResponse> {
    const { transport, warnings } = this.#options;
    const request = this.#requestFor(call, authorization);
    const { endpoint } = call;
    let response: HttpResponse;
    try {
      response = await sendFollowing(transport, request, signal);
    } catch (error) {
      // Something that is no HTTP: a TLS port, where http was tried first.
      if (isGarbled(error) && endpoint.giveUp(request.url)) return this.#exchange(call, authorization, signal);
      throw error;
    }
    if (endpoint.undecided) {
      const refusal = await plainRefusal(response);
      if (isTlsNotice(refusal) && endpoint.giveUp(request.url)) return this.#exchange(call, authorization, signal);
      if (refusal !== undefined) response = replay(response, refusal);
      endpoint.settle(request.url);
    }
    warnings.heard(endpoint.name, response.headers["warning"]);
    return response;
  }

  #requestFor(call: Call, authorization: string | undefined): HttpRequest {
    const headers: Record<string, string> = {
      // An encoded body would not have the digest that was asked for.
      "accept-encoding": "identity",
      "user-agent": this.#options.userAgent,
      ...call.headers,
    };
    const url = urlOf(call);
    // An upload may have been sent to another host; that one gets nothing of ours.
    if (authorization !== undefined && url.origin === new URL(call.endpoint.origin).origin) {
      headers["authorization"] = authorization;
    }
    return { method: call.method, url, headers, body: call.body };
  }
}

function urlOf({ endpoint, path, target }: Call): URL {
  if (target instanceof URL) return target;
  const url = new URL(`${endpoint.origin}/v2/${path}/${target}`);
  // containerd's convention: a mirror of several registries learns from it which one is meant.
  if (endpoint.mirrorOf !== undefined) url.searchParams.set("ns", endpoint.mirrorOf);
  return url;
}

/** A 401 of the place that a redirect led to is not the registry's, and gets no credentials. */
function fromRegistry(call: Call, response: HttpResponse): boolean {
  return response.url.origin === urlOf(call).origin && response.url.origin === new URL(call.endpoint.origin).origin;
}

async function plainRefusal(response: HttpResponse): Promise<string | undefined> {
  if (response.status !== 400 || response.url.protocol !== "http:") return undefined;
  return readText(response, 64 * 1024);
}

/** What Go's and nginx' TLS ports answer to plain HTTP. */
function isTlsNotice(text: string | undefined): boolean {
  return text !== undefined && /HTTP request (?:to an HTTPS server|was sent to HTTPS port)/i.test(text);
}

function replay(response: HttpResponse, text: string): HttpResponse {
  return {
    ...response,
    discard: () => undefined,
    read: async (onChunk) => onChunk(Buffer.from(text)),
  };
}
