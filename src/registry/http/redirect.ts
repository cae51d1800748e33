import { RegistryError } from "../errors.ts";
import { redactUrl } from "../redact.ts";
import { kindOfAddress } from "./address.ts";
import type { HttpRequest, HttpResponse, Transport } from "./transport.ts";

const MAX_HOPS = 10;

/** Which answers are followed. Only 307 and 308 promise that a request with a body may be sent again as it is. */
const FOLLOWED: Readonly<Record<HttpRequest["method"], readonly number[]>> = {
  GET: [301, 302, 303, 307, 308],
  HEAD: [301, 302, 303, 307, 308],
  POST: [307, 308],
  PUT: [307, 308],
  DELETE: [307, 308],
};

/** All that another origin gets to see. Credentials and custom headers are what is not listed here. */
const CROSS_ORIGIN_HEADERS = new Set(["accept", "accept-encoding", "content-type", "range", "user-agent"]);

/**
 * Sends, and follows redirects by hand. Once left, an origin gets nothing back that was dropped. A body that is
 * secret goes to no other origin: `REGISTRY_PROTOCOL`.
 */
export async function sendFollowing(
  transport: Transport,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  let current = request;
  for (let hop = 0; hop <= MAX_HOPS; hop++) {
    const response = await transport.send(current, signal);
    if (!FOLLOWED[current.method].includes(response.status)) return response;
    await response.discard();
    current = nextRequest(current, redirectTarget(current.url, response.headers.location));
  }
  throw new RegistryError("REGISTRY_PROTOCOL", `${redactUrl(request.url)} redirects more than ${MAX_HOPS} times`, {
    hint: "The registry or a proxy before it is misconfigured; its operator must look.",
  });
}

/** The same request for another URL, with what that URL's origin may know. */
function nextRequest(request: HttpRequest, url: URL): HttpRequest {
  if (url.origin === request.url.origin) return { ...request, url };
  if (request.body?.isSecret === true) throw refused(request.url, `with credentials to another origin (${url.host})`);
  const kept = Object.entries(request.headers).filter(([name]) => CROSS_ORIGIN_HEADERS.has(name));
  return { ...request, url, headers: Object.fromEntries(kept) };
}

function redirectTarget(from: URL, location: string | undefined): URL {
  const target = location === undefined ? null : URL.parse(location, from.href);
  if (target === null) throw refused(from, "to no valid Location");
  assertSafeTarget(from, target);
  return target;
}

/** Throws `REGISTRY_PROTOCOL` where `target` is no place a registry at `from` may send us to. */
export function assertSafeTarget(from: URL, target: URL): void {
  if (target.protocol !== "https:" && target.protocol !== "http:") throw refused(from, `to a ${target.protocol} URL`);
  if (from.protocol === "https:" && target.protocol === "http:") {
    throw refused(from, `from https to http (${target.host})`);
  }
  const kind = kindOfAddress(target.hostname);
  // 169.254.169.254 answers with a cloud machine's credentials.
  if ((kind === "link-local" || kind === "unspecified") && target.hostname !== from.hostname) {
    throw refused(from, `to the ${kind} address ${target.hostname}`);
  }
}

function refused(from: URL, what: string): RegistryError {
  return new RegistryError("REGISTRY_PROTOCOL", `refusing the redirect of ${redactUrl(from)} ${what}`, {
    hint: "The registry or a proxy before it is misconfigured; behind a TLS proxy it must know its external URL.",
  });
}
