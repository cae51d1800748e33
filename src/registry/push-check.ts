import { repositoryName } from "../oci/reference.ts";
import { pushScope } from "./auth/scope.ts";
import { uploadLocation } from "./blobs-push.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError, type RegistryErrorCode } from "./errors.ts";
import type { Call, Session } from "./session.ts";
import { isTransient, statusError } from "./status-error.ts";
import type { Repository } from "./types.ts";

/** What a push cannot get over either. */
const FINAL: ReadonlySet<RegistryErrorCode> = new Set([
  "REGISTRY_UNAUTHORIZED",
  "REGISTRY_DENIED",
  "REGISTRY_NAME_INVALID",
  "REGISTRY_UNREACHABLE",
  "REGISTRY_TLS",
]);

/** Opens an upload and cancels it. Rejects where a push could not succeed, as that push would. */
export async function checkPushAt(
  session: Session,
  endpoint: Endpoint,
  repository: Repository,
  signal: AbortSignal,
): Promise<void> {
  const call = openCall(endpoint, repository);
  try {
    await session.attempts(endpoint, "manifest", signal, () => openAndCancel(session, call, signal));
  } catch (error) {
    if (!(error instanceof RegistryError) || isFinal(error)) throw error;
  }
}

/** Whatever else an answer says, the registry may only dislike the question. Every upload begins with a POST: 405 to it ends all, and so does a name of no repository. */
function isFinal(error: RegistryError): boolean {
  return FINAL.has(error.code) || error.status === 405 || error.diagnostics.some(({ code }) => code === "NAME_UNKNOWN");
}

async function openAndCancel(session: Session, call: Call, signal: AbortSignal): Promise<void> {
  const response = await session.send(call, signal);
  if (response.status === 202) {
    await response.discard();
    return cancel(session, { ...call, method: "DELETE", target: uploadLocation(response, call.endpoint) }, signal);
  }
  // A busy registry is left to the push, which has time.
  if (response.status < 400 || isTransient(response.status)) return response.discard();
  throw await statusError(response, call.subject);
}

/** Registries throw away what is left of an upload some time; many cannot be told to. */
async function cancel(session: Session, call: Call, signal: AbortSignal): Promise<void> {
  try {
    const response = await session.send(call, signal);
    await response.discard();
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
  }
}

function openCall(endpoint: Endpoint, repository: Repository): Call {
  const path = endpoint.pathOf(repository.path);
  const name = repositoryName(repository);
  return {
    method: "POST",
    endpoint,
    path,
    target: "blobs/uploads/",
    scopes: [pushScope(path)],
    subject: { what: name, repository: name, host: endpoint.name, action: "push" },
  };
}
