import type { Digest } from "../oci/digest.ts";
import { blobCall } from "./blob-call.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Session } from "./session.ts";
import { isTransient, statusError } from "./status-error.ts";
import type { Repository } from "./types.ts";

/**
 * Whether the repository has the blob. Asked with the permission to push, which is what follows. What is hidden
 * from us (403) counts as missing. The caller holds a place at the host.
 */
export async function blobExists(
  session: Session,
  endpoint: Endpoint,
  repository: Repository,
  digest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  const call = blobCall("HEAD", endpoint, repository, digest, "push");
  const head = await session.send(call, signal);
  if (isTransient(head.status)) throw await statusError(head, call.subject);
  await head.discard();
  if (head.status !== 405) return head.status === 200;
  const get = await session.send({ ...call, method: "GET" }, signal);
  await get.discard();
  return get.status === 200;
}
