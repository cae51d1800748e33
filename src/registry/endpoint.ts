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

  /** What the host may speak, the likelier first; one when it is known. */
  get schemes(): readonly Scheme[] {
    return this.#schemes;
  }

  /** `scheme://host[:port]` in the scheme that is known or thought right. */
  get origin(): string {
    return this.originIn(this.#schemes[0] ?? "https");
  }

  originIn(scheme: Scheme): string {
    return `${scheme}://${this.address}`;
  }

  /** The host has shown that it speaks this one. */
  settle(scheme: Scheme): void {
    this.#schemes = [scheme];
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
