import type { Digest } from "../oci/digest.ts";
import { repositoryName } from "../oci/reference.ts";
import { pullScope, pushScope } from "./auth/scope.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Call } from "./session.ts";
import type { Subject } from "./subject.ts";
import type { Repository } from "./types.ts";

/** A request for a blob. */
export function blobCall(
  method: "GET" | "HEAD",
  endpoint: Endpoint,
  repository: Repository,
  digest: Digest,
  action: Subject["action"],
): Call {
  const path = endpoint.pathOf(repository.path);
  return {
    method,
    endpoint,
    path,
    target: `blobs/${digest}`,
    scopes: [action === "push" ? pushScope(path) : pullScope(path)],
    subject: blobSubject(endpoint, repository, digest, action),
  };
}

export function blobSubject(
  endpoint: Endpoint,
  repository: Repository,
  digest: Digest,
  action: Subject["action"],
): Subject {
  const name = repositoryName(repository);
  return { what: `blob ${name}@${digest}`, repository: name, host: endpoint.name, action };
}
