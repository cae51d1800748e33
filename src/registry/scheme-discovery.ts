import type { Endpoint, Scheme } from "./endpoint.ts";
import { RegistryError } from "./errors.ts";
import { isNoHttpAnswer, isPlainAnswer } from "./http/connection-error.ts";
import { readText } from "./http/read-body.ts";
import type { HttpResponse } from "./http/transport.ts";

type Send = (origin: string) => Promise<HttpResponse>;

/**
 * Sends in the scheme that the host speaks. Where both are allowed, which is so on loopback and where the
 * user named the host, the first request finds out; it carries no credentials, as nobody has asked for any.
 */
export async function inRightScheme(endpoint: Endpoint, send: Send): Promise<HttpResponse> {
  const [first, second] = endpoint.schemes;
  if (first === undefined || second === undefined) return send(endpoint.origin);
  const answer = await tryPlain(endpoint, send);
  if (answer.kind === "answer") {
    endpoint.settle("http");
    return answer.response;
  }
  try {
    return await trySecure(endpoint, send);
  } catch (error) {
    // Not TLS either: a plain registry that broke off, and whose failure this is about.
    if (error instanceof RegistryError && isPlainAnswer(error.cause)) throw answer.error;
    throw error;
  }
}

type PlainAttempt =
  | { readonly kind: "answer"; readonly response: HttpResponse }
  | { readonly kind: "no-http"; readonly error: unknown };

async function tryPlain(endpoint: Endpoint, send: Send): Promise<PlainAttempt> {
  let response: HttpResponse;
  try {
    response = await send(endpoint.originIn("http"));
  } catch (error) {
    if (isNoHttpAnswer(error)) return { kind: "no-http", error };
    throw error;
  }
  if (response.status !== 400) return { kind: "answer", response };
  const text = await readText(response, 64 * 1024);
  if (!isTlsNotice(text)) return { kind: "answer", response: replay(response, text) };
  return { kind: "no-http", error: new RegistryError("REGISTRY_TLS", `${endpoint.address} speaks TLS only`) };
}

async function trySecure(endpoint: Endpoint, send: Send): Promise<HttpResponse> {
  const scheme: Scheme = "https";
  try {
    const response = await send(endpoint.originIn(scheme));
    endpoint.settle(scheme);
    return response;
  } catch (error) {
    // A certificate, though a bad one, is TLS.
    if (error instanceof RegistryError && error.code === "REGISTRY_TLS" && !isPlainAnswer(error.cause)) {
      endpoint.settle(scheme);
    }
    throw error;
  }
}

/** What Go's and nginx' TLS ports answer to plain HTTP. */
function isTlsNotice(text: string): boolean {
  return /HTTP request (?:to an HTTPS server|was sent to HTTPS port)/i.test(text);
}

/** The response again, with the body that was read. */
function replay(response: HttpResponse, text: string): HttpResponse {
  return {
    ...response,
    discard: () => Promise.resolve(),
    read: async (onChunk) => onChunk(Buffer.from(text)),
  };
}
