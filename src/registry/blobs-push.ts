import { pullScope, pushScope } from "./auth/scope.ts";
import { openBody } from "./blob-body.ts";
import { blobSubject } from "./blob-call.ts";
import { blobExists } from "./blob-exists.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError } from "./errors.ts";
import { assertSafeTarget } from "./http/redirect.ts";
import type { HttpResponse, RequestBody } from "./http/transport.ts";
import type { Call, Session } from "./session.ts";
import { statusError } from "./status-error.ts";
import type { Subject } from "./subject.ts";
import type { BlobSource, OnProgress, PushOutcome, Repository } from "./types.ts";

export interface BlobPush {
  readonly endpoint: Endpoint;
  readonly repository: Repository;
  readonly source: BlobSource;
  /** Repositories of the same registry that may have it. */
  readonly mountFrom: readonly string[];
  readonly onProgress: OnProgress | undefined;
}

/**
 * Asks, mounts, or uploads in one PUT (ECR and GHCR break chunked uploads).
 *
 * The source is opened only when its bytes are needed, and before a place at the host is taken for
 * them: opening may mean to fetch the blob first, perhaps from the very same host.
 */
export async function pushBlobAt(session: Session, push: BlobPush, signal: AbortSignal): Promise<PushOutcome> {
  const found = await findOrMount(session, push, signal);
  if (typeof found === "string") return found;
  const body = await openBody(push);
  try {
    return await uploadOnce(session, push, found, body, signal);
  } finally {
    await body.close();
  }
}

/** Where the blob was found; else the answer that opened an upload instead of a mount, if any. */
function findOrMount(
  session: Session,
  push: BlobPush,
  signal: AbortSignal,
): Promise<"exists" | "mounted" | HttpResponse | undefined> {
  const { endpoint, repository, source } = push;
  return session.attempts(endpoint, "manifest", signal, async () => {
    if (await blobExists(session, endpoint, repository, source.digest, signal)) return "exists";
    const answer = await mount(session, push, signal);
    return answer?.status === 201 ? "mounted" : answer;
  });
}

/** An upload that broke may have been committed all the same: every further attempt begins by asking. */
function uploadOnce(
  session: Session,
  push: BlobPush,
  opened: HttpResponse | undefined,
  body: RequestBody,
  signal: AbortSignal,
): Promise<PushOutcome> {
  const { endpoint, repository, source } = push;
  return session.attempts<PushOutcome>(endpoint, "blob", signal, async (previous) => {
    const isRepeated = previous !== undefined;
    if (isRepeated && (await blobExists(session, endpoint, repository, source.digest, signal))) return "uploaded";
    const answer = isRepeated ? undefined : opened;
    const location = uploadUrl(answer ?? (await startUpload(session, push, signal)), push);
    await upload(session, push, location, body, signal);
    return "uploaded";
  });
}

/** 201 where the registry mounted it, 202 where it opened an upload instead; undefined after any failure. */
async function mount(session: Session, push: BlobPush, signal: AbortSignal): Promise<HttpResponse | undefined> {
  const { endpoint, repository, source } = push;
  for (const from of push.mountFrom) {
    if (from === repository.path) continue;
    const origin = endpoint.pathOf(from);
    const query = `mount=${encodeURIComponent(source.digest)}&from=${encodeURIComponent(origin)}`;
    const call = pushCall("POST", push, `blobs/uploads/?${query}`);
    try {
      const response = await session.send({ ...call, scopes: [...call.scopes, pullScope(origin)] }, signal);
      await response.discard();
      if (response.status === 201 || response.status === 202) return response;
    } catch (error) {
      // Registries answer 400, 401 or 403 where they cannot mount; an upload needs no mount.
      if (!(error instanceof RegistryError)) throw error;
    }
  }
  return undefined;
}

async function startUpload(session: Session, push: BlobPush, signal: AbortSignal): Promise<HttpResponse> {
  const call = pushCall("POST", push, "blobs/uploads/");
  const response = await session.send(call, signal);
  if (response.status !== 202) throw await statusError(response, call.subject);
  await response.discard();
  return response;
}

async function upload(
  session: Session,
  push: BlobPush,
  location: URL,
  body: RequestBody,
  signal: AbortSignal,
): Promise<void> {
  const { digest } = push.source;
  const call: Call = {
    ...pushCall("PUT", push, location),
    headers: { "content-type": "application/octet-stream" },
    body,
  };
  const response = await session.send(call, signal);
  if (response.status === 404 || response.status === 416) throw await lostSession(response, call.subject);
  if (response.status !== 201 && response.status !== 204) throw await statusError(response, call.subject);
  await response.discard();
  const stored = response.headers["docker-content-digest"];
  if (typeof stored === "string" && stored.split(":")[0] === digest.split(":")[0] && stored !== digest) {
    throw new RegistryError(
      "REGISTRY_DIGEST_MISMATCH",
      `${call.subject.host} stored ${stored} for ${call.subject.what}`,
      {
        hint: "Something between changes the data; push again over another way.",
      },
    );
  }
}

function pushCall(method: "POST" | "PUT", { endpoint, repository, source }: BlobPush, target: string | URL): Call {
  const path = endpoint.pathOf(repository.path);
  const subject = blobSubject(endpoint, repository, source.digest, "push");
  return { method, endpoint, path, target, scopes: [pushScope(path)], subject };
}

/** The upload's `Location` as it was given, with the digest added: its query is the registry's own state. */
function uploadUrl(response: HttpResponse, { endpoint, source }: BlobPush): URL {
  const url = uploadLocation(response, endpoint);
  url.hash = ""; // It is not sent, nor would be what is put behind it.
  const { href, search } = url;
  const separator = search !== "" ? "&" : href.endsWith("?") ? "" : "?";
  return new URL(`${href}${separator}digest=${encodeURIComponent(source.digest)}`);
}

/** Where the upload goes that `response` opened. Throws `REGISTRY_PROTOCOL` where it does not say. */
export function uploadLocation(response: HttpResponse, endpoint: Endpoint): URL {
  const location = response.headers.location;
  const url = location === undefined ? null : URL.parse(location, response.url.href);
  if (url === null) {
    throw new RegistryError(
      "REGISTRY_PROTOCOL",
      `${endpoint.name} opened an upload without saying where (no valid Location)`,
      {
        hint: "Check that the host is a registry (OCI distribution, API version 2).",
      },
    );
  }
  // Behind a TLS proxy that it does not know of, a registry names itself by http.
  if (response.url.protocol === "https:" && url.protocol === "http:" && url.hostname === response.url.hostname) {
    url.protocol = "https:";
    url.port = response.url.port;
  }
  assertSafeTarget(response.url, url);
  return url;
}

/** The session expired or was lost by one of several servers: a new one is worth a try. */
async function lostSession(response: HttpResponse, subject: Subject): Promise<RegistryError> {
  const { code, message, diagnostics, status } = await statusError(response, subject);
  return new RegistryError(code, message, {
    status,
    diagnostics,
    retryable: true,
    attemptLimit: 3,
    hint: "The registry lost the upload: with several replicas it needs shared storage and one secret.",
  });
}
