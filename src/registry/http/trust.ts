import { readFileSync } from "node:fs";
import type { SecureContext } from "node:tls";
import { messageOf } from "../../base/errors.ts";
import { RegistryError } from "../errors.ts";

export interface TrustOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ca?: readonly string[] | undefined;
}

/**
 * What TLS servers are verified against: Node's own roots, NODE_EXTRA_CA_CERTS, the system's store,
 * `SSL_CERT_FILE` and the certificates given. Node's `ca` option replaces its store, so all are put together.
 *
 * Takes some 50 ms: call it only when a TLS connection is about to be made, and once.
 */
export function trustedContext(options: TrustOptions): SecureContext {
  const tls = process.getBuiltinModule("node:tls");
  const extra = [...fromFile(options.env["SSL_CERT_FILE"]), ...(options.ca ?? []).flatMap(certificatesOf)];
  const roots = [...tls.getCACertificates("default"), ...tls.getCACertificates("system")];
  return tls.createSecureContext({
    ca: [...new Set([...roots, ...extra].map((pem) => pem.trim()))],
  });
}

function fromFile(path: string | undefined): string[] {
  if (path === undefined || path === "") return [];
  try {
    return splitPem(readFileSync(path, "utf8"));
  } catch (error) {
    throw new RegistryError(
      "REGISTRY_TLS",
      `cannot read the certificates of SSL_CERT_FILE (${path}): ${messageOf(error)}`,
      {
        hint: "Correct SSL_CERT_FILE or unset it.",
        cause: error,
      },
    );
  }
}

function certificatesOf(text: string): string[] {
  const certificates = splitPem(text);
  if (certificates.length > 0) return certificates;
  throw new RegistryError("REGISTRY_TLS", "the extra CA holds no certificate in PEM", {
    hint: "Give a file with -----BEGIN CERTIFICATE----- blocks.",
  });
}

function splitPem(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
