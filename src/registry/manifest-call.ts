import { MANIFEST_ACCEPT } from "../oci/media-type.ts";
import { formatReference, repositoryName, withDefaultTag } from "../oci/reference.ts";
import type { Reference } from "../oci/reference.ts";
import { pullScope, pushScope } from "./auth/scope.ts";
import type { Endpoint } from "./endpoint.ts";
import { RegistryError } from "./errors.ts";
import type { Call } from "./session.ts";
import type { Subject } from "./subject.ts";

/** What registries must accept (distribution-spec), and the most that we read. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

const ACCEPT = MANIFEST_ACCEPT.join(", ");

/** A request for a manifest, by digest where there is one. */
export function manifestCall(
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
    subject: manifestSubject(endpoint, reference, action),
  };
}

export function manifestSubject(endpoint: Endpoint, reference: Reference, action: "pull" | "push"): Subject {
  const what = `manifest ${formatReference(withDefaultTag(reference))}`;
  return { what, repository: repositoryName(reference), host: endpoint.name, action };
}

export function manifestTooLarge(subject: Subject): RegistryError {
  return new RegistryError("REGISTRY_TOO_LARGE", `${subject.what} has more than ${MAX_MANIFEST_BYTES} bytes`, {
    hint: "Registries need not take manifests past 4 MiB; look for what makes it so large, annotations perhaps.",
  });
}

export function manifestMismatch(subject: Subject, expected: string, found: string): RegistryError {
  return new RegistryError(
    "REGISTRY_DIGEST_MISMATCH",
    `${subject.what} at ${subject.host}: expected ${expected}, but ${found}`,
    {
      hint: "The registry or something before it changes content: do not use it until that is explained.",
    },
  );
}
