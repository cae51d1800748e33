import { createHash } from "node:crypto";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestAlgorithm, digestOf, isDigest } from "../oci/digest.ts";
import type { Digest } from "../oci/digest.ts";
import { readManifestDocument } from "../oci/manifest-document.ts";
import { MANIFEST_ACCEPT } from "../oci/media-type.ts";
import type { Reference } from "../oci/reference.ts";
import type { Endpoint } from "./endpoint.ts";
import { readBytes } from "./http/read-body.ts";
import type { HttpResponse } from "./http/transport.ts";
import { manifestCall, manifestMismatch, manifestTooLarge, MAX_MANIFEST_BYTES } from "./manifest-call.ts";
import type { Session } from "./session.ts";
import { isTransient, statusError } from "./status-error.ts";
import type { Subject } from "./subject.ts";
import type { FetchedManifest } from "./types.ts";

/** The descriptor by HEAD; by GET where the answer does not tell all of it. */
export async function resolveAt(
  session: Session,
  endpoint: Endpoint,
  reference: Reference,
  signal: AbortSignal,
): Promise<Descriptor> {
  const described = await session.attempts(endpoint, "manifest", signal, async () => {
    const call = manifestCall("HEAD", endpoint, reference);
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
    const call = manifestCall("GET", endpoint, reference);
    const response = await session.send(call, signal);
    if (response.status !== 200) throw await statusError(response, call.subject);
    const bytes = await readBytes(response, MAX_MANIFEST_BYTES);
    if (bytes === undefined) throw manifestTooLarge(call.subject);
    const digest = verify(bytes, response, reference, call.subject);
    const { mediaType } = readManifestDocument(bytes, contentType(response), call.subject.what);
    return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  });
}

/** Undefined where the headers do not say everything. */
function describe(response: HttpResponse, reference: Reference, subject: Subject): Descriptor | undefined {
  const digest = response.headers["docker-content-digest"];
  const length = response.headers["content-length"];
  const mediaType = contentType(response);
  if (typeof digest !== "string" || !isDigest(digest) || length === undefined) return undefined;
  if (!/^\d{1,15}$/.test(length) || mediaType === undefined || !MANIFEST_ACCEPT.includes(mediaType)) return undefined;
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw manifestMismatch(subject, reference.digest, `the registry says it has ${digest} there`);
  }
  return { mediaType, digest, size: Number(length) };
}

function verify(bytes: Uint8Array, response: HttpResponse, reference: Reference, subject: Subject): Digest {
  const header = response.headers["docker-content-digest"];
  const claimed = typeof header === "string" && isDigest(header) ? header : undefined;
  for (const expected of [reference.digest, claimed]) {
    if (expected === undefined) continue;
    const found = digestWith(bytes, expected);
    if (found !== expected) throw manifestMismatch(subject, expected, `the bytes have ${found}`);
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
