import { createHash } from "node:crypto";
import { describeBytes } from "../oci/descriptor.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestAlgorithm, digestOf, isDigest } from "../oci/digest.ts";
import type { Digest } from "../oci/digest.ts";
import { readManifestDocument } from "../oci/manifest-document.ts";
import { MANIFEST_ACCEPT } from "../oci/media-type.ts";
import { formatReference, repositoryName, withDefaultTag } from "../oci/reference.ts";
import type { Reference } from "../oci/reference.ts";
import { pullScope, pushScope } from "./auth/scope.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError } from "./errors.ts";
import { readBytes } from "./http/read-body.ts";
import type { HttpResponse } from "./http/transport.ts";
import type { Call, Session } from "./session.ts";
import { isTransient, statusError } from "./status-error.ts";
import type { Subject } from "./subject.ts";
import type { FetchedManifest, Repository } from "./types.ts";

/** What registries must accept (distribution-spec), and the most that we read. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const ACCEPT = MANIFEST_ACCEPT.join(", ");

/** The descriptor by HEAD; by GET where the answer does not tell all of it. */
export async function resolveAt(
  session: Session,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<Descriptor> {
  const described = await session.attempts(endpoint, "manifest", signal, async () => {
    const call = readCall("HEAD", endpoint, reference);
    const response = await session.send(call, signal);
    if (response.status === 404 || isTransient(response.status)) throw await statusError(response, call.subject);
    await response.discard();
    if (response.status === 200) return describe(response, reference, call.subject);
    // The rest is for GET: it may be served where HEAD is not, and an error to HEAD has no body to explain it.
    return undefined;
  });
  return described ?? (await getManifestAt(session, endpoint, reference, signal)).descriptor;
}

/** The manifest's bytes, verified by our own digest of them. */
export function getManifestAt(
  session: Session,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<FetchedManifest> {
  return session.attempts(endpoint, "manifest", signal, async () => {
    const call = readCall("GET", endpoint, reference);
    const response = await session.send(call, signal);
    if (response.status !== 200) throw await statusError(response, call.subject);
    const bytes = await readBytes(response, MAX_MANIFEST_BYTES);
    if (bytes === undefined) throw tooLarge(call.subject);
    const digest = verify(bytes, response, reference, call.subject);
    const { mediaType } = readManifestDocument(bytes, contentType(response), call.subject.what);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  });
}

/** Asked with the permission to push, which is what follows. What is hidden from us (403) counts as missing. */
export async function hasManifestAt(
  session: Session,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<boolean> {
  const call = readCall("HEAD", endpoint, reference, "push");
  const status = await session.attempts(endpoint, "manifest", signal, async () => {
    const head = await session.send(call, signal);
    if (isTransient(head.status)) throw await statusError(head, call.subject);
    await head.discard();
    if (head.status !== 405) return head.status;
    const get = await session.send({ ...call, method: "GET" }, signal);
    await get.discard();
    return get.status;
  });
  return status === 200;
}

/** Puts the manifest, by digest or under a tag, and checks what the registry says it got. */
export function pushManifestAt(
  session: Session,
  endpoint: Endpoint,
  repository: Repository,
  bytes: Uint8Array,
  mediaType: string,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<Descriptor> {
  const descriptor = describeBytes(bytes, mediaType);
  const reference = {
    ...repository,
    tag,
    digest: tag === undefined ? descriptor.digest : undefined,
  };
  const subject = subjectOf(endpoint, reference, "push");
  if (bytes.length > MAX_MANIFEST_BYTES) throw tooLarge(subject);
  readManifestDocument(bytes, mediaType, subject.what);
  const path = endpoint.pathOf(repository.path);
  const call: Call = {
    method: "PUT",
    endpoint,
    path,
    target: `manifests/${tag ?? descriptor.digest}`,
    scopes: [pushScope(path)],
    headers: { "content-type": mediaType },
    body: { size: bytes.length, open: () => [bytes] },
    subject,
  };
  return session.attempts(endpoint, "manifest", signal, async () => {
    const response = await session.send(call, signal);
    if (response.status !== 201) throw await pushError(response, subject);
    await response.discard();
    const stored = response.headers["docker-content-digest"];
    // A registry may name it by another algorithm; only what is comparable is compared.
    if (typeof stored === "string" && stored.startsWith("sha256:") && stored !== descriptor.digest) {
      throw mismatch(subject, descriptor.digest, `the registry says it stored ${stored}`);
    }
    return descriptor;
  });
}

function readCall(
  method: "GET" | "HEAD",
  endpoint: Endpoint,
  reference: Reference,
  action: Subject["action"] = "pull",
): Call {
  const { tag, digest, path: name } = withDefaultTag(reference);
  const path = endpoint.pathOf(name);
  return {
    method,
    endpoint,
    path,
    target: `manifests/${digest ?? tag}`,
    scopes: [action === "push" ? pushScope(path) : pullScope(path)],
    headers: { accept: ACCEPT },
    subject: subjectOf(endpoint, reference, action),
  };
}

function subjectOf(endpoint: Endpoint, reference: Reference, action: "pull" | "push"): Subject {
  const what = `manifest ${formatReference(withDefaultTag(reference))}`;
  return { what, repository: repositoryName(reference), host: endpoint.name, action };
}

/** Undefined where the headers do not say everything. */
function describe(response: HttpResponse, reference: Reference, subject: Subject): Descriptor | undefined {
  const digest = response.headers["docker-content-digest"];
  const length = response.headers["content-length"];
  const mediaType = contentType(response);
  if (typeof digest !== "string" || !isDigest(digest) || length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length) || mediaType === undefined || !MANIFEST_ACCEPT.includes(mediaType)) return undefined;
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw mismatch(subject, reference.digest, `the registry says it has ${digest} there`);
  }
  return { mediaType, digest, size: Number(length) };
}

function verify(bytes: Uint8Array, response: HttpResponse, reference: Reference, subject: Subject): Digest {
  const header = response.headers["docker-content-digest"];
  const claimed = typeof header === "string" && isDigest(header) ? header : undefined;
  for (const expected of [reference.digest, claimed]) {
    if (expected === undefined) continue;
    const found = digestWith(bytes, expected);
    if (found !== expected) throw mismatch(subject, expected, `the bytes have ${found}`);
  }
  return reference.digest ?? claimed ?? digestOf(bytes);
}

/** The digest of `bytes` by the algorithm of `like`. */
function digestWith(bytes: Uint8Array, like: Digest): string {
  const algorithm = digestAlgorithm(like);
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

function contentType(response: HttpResponse): string | undefined {
  return response.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
}

/** Nexus shows a child a moment after it took it (estesp/manifest-tool#191): worth a few more attempts. */
async function pushError(response: HttpResponse, subject: Subject): Promise<RegistryError> {
  const error = await statusError(response, subject);
  const unknown = error.diagnostics.some(({ code }) => code === "MANIFEST_BLOB_UNKNOWN" || code === "BLOB_UNKNOWN");
  if (!unknown) return error;
  return new RegistryError(
    "REGISTRY_BLOB_UNKNOWN",
    `${subject.host} misses a blob or manifest that ${subject.what} names: ${error.message}`,
    {
      status: error.status,
      diagnostics: error.diagnostics,
      hint: "Something may delete blobs while they are pushed, garbage collection for one: push again.",
      retryable: true,
      attemptLimit: 4,
    },
  );
}

function tooLarge(subject: Subject): RegistryError {
  return new RegistryError("REGISTRY_TOO_LARGE", `${subject.what} has more than ${MAX_MANIFEST_BYTES} bytes`, {
    hint: "Registries need not take manifests past 4 MiB; look for what makes it so large, annotations perhaps.",
  });
}

function mismatch(subject: Subject, expected: string, found: string): RegistryError {
  return new RegistryError(
    "REGISTRY_DIGEST_MISMATCH",
    `${subject.what} at ${subject.host}: expected ${expected}, but ${found}`,
    {
      hint: "The registry or something before it changes content: do not use it until that is explained.",
    },
  );
}
