import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { errnoOf } from "../base/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Where distributions keep all roots in one file, in the order in which Go looks. */
export const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
  "/etc/pki/tls/certs/ca-bundle.crt", // Fedora, RHEL
  "/etc/ssl/ca-bundle.pem", // openSUSE
  "/etc/pki/tls/cacert.pem",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/ssl/cert.pem",
] as const;

/** What Go and OpenSSL, curl, git, Node, pip, requests and the AWS tools read the name of a bundle from. */
const VARIABLES = [
  "SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  "GIT_SSL_CAINFO",
  "NODE_EXTRA_CA_CERTS",
  "PIP_CERT",
  "REQUESTS_CA_BUNDLE",
  "AWS_CA_BUNDLE",
] as const;

/** A machine has some 150 roots, 200 kB; a file past this is something else. */
const MAX_BYTES = 16 * 1024 * 1024;

const CERTIFICATE =
  /-----BEGIN (?:TRUSTED )?CERTIFICATE-----\r?\n[A-Za-z0-9+/=\s]+-----END (?:TRUSTED )?CERTIFICATE-----/g;

/**
 * The certificate authorities that this machine trusts, as PEM, or undefined where none are to be found.
 *
 * As OpenSSL and Go decide it: the file that SSL_CERT_FILE names, else the distribution's bundle, and
 * the files in the directories of SSL_CERT_DIR; beside them NODE_EXTRA_CA_CERTS. Only certificates are
 * taken, so that a key in one of these files goes no further. Files that are not there are passed over,
 * as by those libraries; one that cannot be read is an error of the system's.
 */
export function hostCaBundle(env: Environment, bundles: readonly string[] = SYSTEM_BUNDLES): string | undefined {
  const named = env["SSL_CERT_FILE"];
  const files = firstOf(named ? [named, ...bundles] : bundles);
  const directories = (env["SSL_CERT_DIR"] ?? "").split(":").filter((directory) => isAbsolute(directory));
  const extra = env["NODE_EXTRA_CA_CERTS"];
  const certificates = [...files, ...directories.flatMap(certificatesIn), ...(extra ? certificatesOf(extra) : [])];
  return certificates.length === 0 ? undefined : joinPem(certificates);
}

/**
 * Writes {@link hostCaBundle} to the file `path`, for `hostCa` of a RUN's request. Answers the path, or
 * undefined where there is no bundle and nothing was written.
 */
export function writeHostCa(env: Environment, path: string): string | undefined {
  const bundle = hostCaBundle(env);
  if (bundle === undefined) return undefined;
  writeFileSync(path, bundle, { mode: 0o600, flag: "wx" });
  return path;
}

/** The variables that name the bundle at `path`, but for those that `env` (`NAME=value`) sets itself. */
export function caVariables(env: readonly string[], path: string): readonly string[] {
  const own = new Set(env.map((variable) => variable.slice(0, variable.indexOf("="))));
  return VARIABLES.filter((name) => !own.has(name)).map((name) => `${name}=${path}`);
}

/**
 * What the image trusts and what the machine trusts: these variables replace an image's own bundle, and
 * what worked without them must go on working.
 */
export function mergeBundles(image: string | undefined, host: string): string {
  if (image === undefined) return host;
  return joinPem([...certificatesFrom(image), ...certificatesFrom(host)]);
}

function joinPem(certificates: readonly string[]): string {
  return `${[...new Set(certificates)].join("\n")}\n`;
}

function firstOf(paths: readonly string[]): readonly string[] {
  for (const path of paths) {
    const found = certificatesOf(path);
    if (found.length > 0) return found;
  }
  return [];
}

function certificatesIn(directory: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
  return names.toSorted().flatMap((name) => certificatesOf(join(directory, name)));
}

function certificatesOf(path: string): readonly string[] {
  try {
    // Not a pipe, which would wait for a writer.
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || !found.isFile() || found.size > MAX_BYTES) return [];
    return certificatesFrom(readFileSync(path, "latin1"));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function certificatesFrom(pem: string): readonly string[] {
  return pem.match(CERTIFICATE) ?? [];
}

function isAbsent(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "ELOOP"].includes(errnoOf(error) ?? "");
}
