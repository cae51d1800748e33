import { describeBytes } from "../oci/descriptor.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { readManifestDocument } from "../oci/manifest-document.ts";
import type { Reference } from "../oci/reference.ts";
import { pushScope } from "./auth/scope.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError } from "./errors.ts";
import type { HttpResponse } from "./http/transport.ts";
import {
  manifestCall,
  manifestMismatch,
  manifestSubject,
  manifestTooLarge,
  MAX_MANIFEST_BYTES,
} from "./manifest-call.ts";
import type { Call, Session } from "./session.ts";
import { isTransient, statusError } from "./status-error.ts";
import type { Subject } from "./subject.ts";
import type { Repository } from "./types.ts";

/** Asked with the permission to push, which is what follows. What is hidden from us (403) counts as missing. */
export async function hasManifestAt(
  session: Session,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<boolean> {
  const call = manifestCall("HEAD", endpoint, reference, "push");
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
  const subject = manifestSubject(endpoint, reference, "push");
  if (bytes.length > MAX_MANIFEST_BYTES) throw manifestTooLarge(subject);
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
      throw manifestMismatch(subject, descriptor.digest, `the registry says it stored ${stored}`);
    }
    return descriptor;
  });
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
