import { readFileSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { HOSTNAME } from "./spec.ts";

/** A line of /etc/hosts. */
export interface HostEntry {
  readonly name: string;
  readonly address: string;
}

const LOOPBACK = `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n`;

/** What a RUN's /etc/resolv.conf says: the machine's servers, also loopback ones, since its network is the machine's. */
export function resolvConfText(path = "/etc/resolv.conf"): string {
  return readOptional(path) ?? "";
}

/** What a RUN's /etc/hosts says: the machine's entries where its network is the machine's, its own name and what was added. */
export function hostsText(
  network: "host" | "none",
  added: readonly HostEntry[] = [],
  hostname = HOSTNAME,
  path = "/etc/hosts",
): string {
  const entries = (network === "host" ? readOptional(path) : undefined) ?? LOOPBACK;
  // Of two lines for one name the first one counts.
  const first = added.map(({ name, address }) => `${address}\t${name}\n`).join("");
  return `${first}${entries.endsWith("\n") ? entries : `${entries}\n`}127.0.0.1\t${hostname}\n`;
}

/** A machine without the file is one whose libraries use their defaults. */
function readOptional(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
