import type { Authorizer } from "./auth/authorizer.ts";
import type { Scope } from "./auth/scope.ts";
import type { Endpoint } from "./endpoint.ts";
import type { RegistryError } from "./errors.ts";
import { sendFollowing } from "./http/redirect.ts";
import type { HttpRequest, HttpResponse, RequestBody, Transport } from "./http/transport.ts";
import type { Urgency } from "./host-gate.ts";
import { retry } from "./retry.ts";
import type { Clock, RetryPolicy } from "./retry.ts";
import { inRightScheme } from "./scheme-discovery.ts";
import type { Subject } from "./subject.ts";
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
    const response = await inRightScheme(call.endpoint, (origin) =>
      sendFollowing(transport, requestFor(call, origin, authorization), signal),
    );
    warnings.heard(call.endpoint.name, response.headers["warning"]);
    return response;
  }
}

function requestFor(call: Call, origin: string, authorization: string | undefined): HttpRequest {
  const url = urlOf(call, origin);
  // An upload may have been sent to another host; that one gets nothing of ours.
  const isOurs = authorization !== undefined && url.origin === new URL(origin).origin;
  return { method: call.method, url, headers: { ...call.headers, ...(isOurs && { authorization }) }, body: call.body };
}

function urlOf({ endpoint, path, target }: Call, origin: string): URL {
  if (target instanceof URL) return target;
  const url = new URL(`${origin}/v2/${path}/${target}`);
  // containerd's convention: a mirror of several registries learns from it which one is meant.
  if (endpoint.mirrorOf !== undefined) url.searchParams.set("ns", endpoint.mirrorOf);
  return url;
}

/** A 401 of the place that a redirect or an upload led to is not the registry's, and gets no credentials. */
function fromRegistry({ endpoint }: Call, response: HttpResponse): boolean {
  return response.url.origin === new URL(endpoint.origin).origin;
}
