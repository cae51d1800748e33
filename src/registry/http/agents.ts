import type * as http from "node:http";
import type * as https from "node:https";
import type { SecureContext } from "node:tls";
import { proxyFor } from "./proxy.ts";
import { trustedContext } from "./trust.ts";
import type { TrustOptions } from "./trust.ts";

/** A way to one origin: the module that makes the request and the agent that keeps its connections. */
export interface Route {
  readonly request: typeof http.request;
  readonly agent: http.Agent;
  readonly proxy: URL | undefined;
}

/** A kept connection older than this may have been forgotten by what is between; then the next request hangs. */
const IDLE_CONNECTION_MS = 30_000;

/** Keep-alive agents, one per scheme and proxy, made when first asked for. */
export class Agents {
  readonly #options: TrustOptions;
  readonly #agents = new Map<string, http.Agent>();
  #context: SecureContext | undefined;

  constructor(options: TrustOptions) {
    this.#options = options;
  }

  routeFor(url: URL): Route {
    const proxy = proxyFor(url, this.#options.env);
    const key = `${url.protocol} ${proxy?.href ?? ""}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      agent = this.#createAgent(url.protocol, proxy);
      this.#agents.set(key, agent);
    }
    return {
      agent,
      proxy,
      request: url.protocol === "https:" ? httpsModule().request : httpModule().request,
    };
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #createAgent(protocol: string, proxy: URL | undefined): http.Agent {
    // Which hosts go through the proxy was decided by proxyFor: Node's own NO_PROXY knows no CIDR.
    const proxyEnv = proxy === undefined ? undefined : { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href };
    const common = { keepAlive: true, timeout: IDLE_CONNECTION_MS, ...(proxyEnv === undefined ? {} : { proxyEnv }) };
    if (protocol !== "https:") return new (httpModule().Agent)(common);
    this.#context ??= trustedContext(this.#options);
    return new (httpsModule().Agent)({ ...common, secureContext: this.#context });
  }
}

// An ESM import of node:http costs 25 ms, this 3 (it skips the module's lazy getters).
function httpModule(): typeof http {
  return process.getBuiltinModule("node:http");
}

function httpsModule(): typeof https {
  return process.getBuiltinModule("node:https");
}
