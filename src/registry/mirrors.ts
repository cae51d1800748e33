import { RegistryError } from "./errors.ts";
import { parseAddress } from "./endpoint.ts";
import type { Scheme } from "./endpoint.ts";
import { withoutBrackets } from "./http/address.ts";

/** Where else the repositories of a registry may be pulled from. */
export interface Mirror {
  /** Where the user wrote none, loopback hosts get http and all others https. */
  readonly scheme: Scheme | undefined;
  readonly address: string;
  /** Put before the repository's path: empty, or ending in a slash. */
  readonly prefix: string;
}

/** By domain (`docker.io`); mirrors in the order to ask. */
export type Mirrors = ReadonlyMap<string, readonly Mirror[]>;

/** Other names of Docker Hub. */
const HUB_NAMES = new Set(["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"]);

/**
 * Reads `DOMAIN=MIRROR` entries. A mirror is `HOST[:PORT][/PREFIX]`, with `http://` or `https://` before it
 * where that should not be guessed. Several entries for one domain are asked in order.
 *
 * Throws `REGISTRY_MIRROR_INVALID`.
 */
export function parseMirrors(entries: readonly string[]): Mirrors {
  const mirrors = new Map<string, Mirror[]>();
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    if (equals <= 0) throw invalid(entry, "expected DOMAIN=HOST");
    const domain = canonicalDomain(entry.slice(0, equals).trim());
    const known = mirrors.get(domain) ?? [];
    known.push(parseMirror(entry.slice(equals + 1).trim(), entry));
    mirrors.set(domain, known);
  }
  return mirrors;
}

/** `docker.io` for each of Docker Hub's names; any other domain in lower case. */
export function canonicalDomain(domain: string): string {
  const lower = domain.toLowerCase();
  return HUB_NAMES.has(lower) ? "docker.io" : lower;
}

/** Whether `plainHttp` names the host, with or without its port. */
export function isNamed(address: string, plainHttp: readonly string[]): boolean {
  const { hostname, host } = parseAddress(address);
  return plainHttp.some((name) => [address, host, hostname, withoutBrackets(hostname)].includes(name.toLowerCase()));
}

function parseMirror(text: string, entry: string): Mirror {
  const match = /^(?:(https?):\/\/)?([^/]+)(?:\/(.*))?$/.exec(text);
  if (match === null) throw invalid(entry, "expected HOST[:PORT][/PREFIX] after the equals sign");
  const [, scheme, address = "", path = ""] = match;
  const prefix = path.replace(/\/+$/, "");
  if (prefix !== "" && !/^[a-z0-9]+(?:[._/-]+[a-z0-9]+)*$/.test(prefix)) {
    throw invalid(entry, `${JSON.stringify(prefix)} cannot be part of a repository's name`);
  }
  try {
    parseAddress(address);
  } catch {
    throw invalid(entry, "expected HOST or HOST:PORT");
  }
  return {
    scheme: scheme as Scheme | undefined,
    address,
    prefix: prefix === "" ? "" : `${prefix}/`,
  };
}

function invalid(entry: string, what: string): RegistryError {
  // A mirror may have been written with a password in it.
  const shown = entry.replace(/(=|\/\/)[^/@=]*@/, "$1redacted@");
  return new RegistryError("REGISTRY_MIRROR_INVALID", `registry mirror ${JSON.stringify(shown)}: ${what}`, {
    hint: "Write it as docker.io=localhost:5000 or docker.io=https://mirror.example/prefix.",
  });
}
