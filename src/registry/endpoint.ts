import { RegistryError } from "./errors.ts";
import type { HostGate } from "./host-gate.ts";

export type Scheme = "http" | "https";

export interface EndpointPlace {
  /** As the user names it: the key of its credentials, and what messages say. */
  readonly name: string;
  /** `host` or `host:port` that is connected to. */
  readonly address: string;
  /** Put before every repository path: empty, or ending in a slash. */
  readonly prefix: string;
  /** The registry that this one mirrors. */
  readonly mirrorOf?: string | undefined;
  /** In the order to try. The first that answers stays. */
  readonly schemes: readonly [Scheme, ...Scheme[]];
}

/** One registry host as we speak to it, with what its requests share. */
export class Endpoint {
  readonly name: string;
  readonly address: string;
  readonly mirrorOf: string | undefined;
  readonly gate: HostGate;
  readonly #prefix: string;
  #schemes: readonly Scheme[];

  constructor(place: EndpointPlace, gate: HostGate) {
    this.name = place.name;
    this.address = place.address;
    this.mirrorOf = place.mirrorOf;
    this.gate = gate;
    this.#prefix = place.prefix;
    this.#schemes = place.schemes;
  }

  /** The path of a repository as this host knows it. */
  pathOf(repository: string): string {
    return this.#prefix + repository;
  }

  /** `scheme://host[:port]` in the scheme that is now thought right. */
  get origin(): string {
    return `${this.#schemes[0]}://${this.address}`;
  }

  /** Whether the host may yet turn out to speak the other scheme. */
  get undecided(): boolean {
    return this.#schemes.length > 1;
  }

  /** The host has answered as it should in the scheme of `url`. */
  settle(url: URL): void {
    const settled = this.#schemes.filter((candidate) => `${candidate}:` === url.protocol);
    // Another request may have found out otherwise in the meantime.
    if (settled.length > 0) this.#schemes = settled;
  }

  /** The host does not speak the scheme of `url`. False where no other one is allowed. */
  giveUp(url: URL): boolean {
    const rest = this.#schemes.filter((candidate) => `${candidate}:` !== url.protocol);
    if (rest.length === 0) return false;
    this.#schemes = rest;
    return true;
  }
}

/** Checks `host[:port]` and gives its URL parts. Throws `REGISTRY_NAME_INVALID`. */
export function parseAddress(address: string): URL {
  const url = URL.parse(`https://${address}`);
  if (url !== null && url.pathname === "/" && url.username === "" && !/[/?#@\\\s]/.test(address)) return url;
  throw new RegistryError("REGISTRY_NAME_INVALID", `${JSON.stringify(address)} is not the address of a registry`, {
    hint: "Write HOST or HOST:PORT.",
  });
}
