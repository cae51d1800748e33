import { readFileSync } from "node:fs";
import type { SecureContext } from "node:tls";
import { messageOf } from "../../base/errors.ts";
import { RegistryError } from "../errors.ts";

export interface TrustOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * What TLS servers are verified against: Node's own roots, NODE_EXTRA_CA_CERTS, the system's store
 * and `SSL_CERT_FILE`. Node's `ca` option replaces its store, so all are put together.
 *
 * Takes some 50 ms: call it only when a TLS connection is about to be made, and once.
 */
export function trustedContext(options: TrustOptions): SecureContext {
  const tls = process.getBuiltinModule("node:tls");
  const extra = certificatesIn(options.env["SSL_CERT_FILE"]);
  const roots = [...tls.getCACertificates("default"), ...tls.getCACertificates("system")];
  return tls.createSecureContext({ ca: [...new Set([...roots, ...extra].map((pem) => pem.trim()))] });
}

function certificatesIn(path: string | undefined): readonly string[] {
  if (path === undefined || path === "") return [];
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw unusable(path, messageOf(cause), cause);
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (certificates === null) throw unusable(path, "expected -----BEGIN CERTIFICATE----- blocks, found none");
  return certificates;
}

function unusable(path: string, reason: string, cause?: unknown): RegistryError {
  return new RegistryError("REGISTRY_TLS", `cannot read the certificates of SSL_CERT_FILE (${path}): ${reason}`, {
    hint: "Correct SSL_CERT_FILE or unset it.",
    cause,
  });
}
