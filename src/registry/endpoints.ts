import { Endpoint, parseAddress } from "./endpoint.ts";
import type { EndpointPlace, Scheme } from "./endpoint.ts";
import { HostGate } from "./host-gate.ts";
import { isLoopback } from "./http/address.ts";
import { canonicalDomain, isNamed } from "./mirrors.ts";
import type { Mirror, Mirrors } from "./mirrors.ts";
import type { Clock } from "./retry.ts";

export interface EndpointOptions {
  readonly plainHttp: readonly string[];
  readonly mirrors: Mirrors;
  readonly concurrency: number;
  readonly clock: Clock;
}

/** The host that serves Docker Hub's registry protocol; docker.io itself is a web site. */
const HUB_ADDRESS = "registry-1.docker.io";

/** Every host of one client, each made once. */
export class Endpoints {
  readonly #options: EndpointOptions;
  readonly #upstreams = new Map<string, Endpoint>();
  readonly #mirrors = new Map<Mirror, Endpoint>();
  readonly #gates = new Map<string, HostGate>();

  constructor(options: EndpointOptions) {
    this.#options = options;
  }

  /** The registry itself. */
  upstream(domain: string): Endpoint {
    const name = canonicalDomain(domain);
    let endpoint = this.#upstreams.get(name);
    if (endpoint === undefined) {
      const address = name === "docker.io" ? HUB_ADDRESS : name;
      endpoint = this.#create({ name, address, prefix: "", schemes: this.#schemesOf(address) });
      this.#upstreams.set(name, endpoint);
    }
    return endpoint;
  }

  /** Where to pull from: the mirrors in their order, the registry itself last. */
  forPull(domain: string): readonly [Endpoint, ...Endpoint[]] {
    const upstream = this.upstream(domain);
    const mirrors = this.#options.mirrors.get(upstream.name) ?? [];
    const [first, ...rest] = mirrors.map((mirror) => this.#mirror(mirror, upstream.name));
    return first === undefined ? [upstream] : [first, ...rest, upstream];
  }

  #mirror(mirror: Mirror, mirrorOf: string): Endpoint {
    let endpoint = this.#mirrors.get(mirror);
    if (endpoint === undefined) {
      const { scheme, address, prefix } = mirror;
      const schemes: EndpointPlace["schemes"] = scheme === undefined ? this.#schemesOf(address) : [scheme];
      endpoint = this.#create({ name: address, address, prefix, mirrorOf, schemes });
      this.#mirrors.set(mirror, endpoint);
    }
    return endpoint;
  }

  /** Without TLS only where nobody else can listen or the user said so; there it is the likelier one. */
  #schemesOf(address: string): readonly [Scheme, ...Scheme[]] {
    const plain = isLoopback(parseAddress(address).hostname) || isNamed(address, this.#options.plainHttp);
    return plain ? ["http", "https"] : ["https"];
  }

  #create(place: EndpointPlace): Endpoint {
    let gate = this.#gates.get(place.address);
    if (gate === undefined) {
      gate = new HostGate(this.#options.concurrency, this.#options.clock);
      this.#gates.set(place.address, gate);
    }
    return new Endpoint(place, gate);
  }
}
