import { fail } from "./fake-registry.ts";
import type { FakeRegistry, Guard, Seen } from "./fake-registry.ts";

export interface TokenServiceOptions {
  /** `user:password` that tokens are given for. Default: everybody gets one. */
  readonly login?: string;
  /** The refresh token that is taken by POST. Without it POST answers 404. */
  readonly refreshToken?: string;
  readonly answer?: Readonly<Record<string, unknown>>;
}

/** Lets `registry` ask for tokens, which `service` (another origin, or itself) gives for the scopes asked for. */
export function requireTokens(
  registry: FakeRegistry,
  service: FakeRegistry,
  options: TokenServiceOptions = {},
): TokenService {
  return new TokenService(registry, service, options);
}

/** A token stays good until `revoke` is called. */
class TokenService {
  readonly requests: Seen[] = [];
  readonly #options: TokenServiceOptions;
  readonly #good = new Map<string, string[]>();
  #count = 0;

  constructor(registry: FakeRegistry, service: FakeRegistry, options: TokenServiceOptions) {
    this.#options = options;
    registry.guard = this.#guard(service, registry.guard);
    if (service !== registry) service.guard = this.#serveTokens(() => true);
  }

  revoke(): void {
    this.#good.clear();
  }

  #guard(service: FakeRegistry, next: Guard = () => true): Guard {
    return this.#serveTokens((seen, response) => {
      const scopes = this.#good.get(/^Bearer (.+)$/.exec(seen.headers.authorization ?? "")?.[1] ?? "");
      const wanted = wantedScope(seen);
      if (scopes?.some((scope) => covers(scope, wanted)) === true) return next(seen, response);
      fail(response, 401, "UNAUTHORIZED", {
        "www-authenticate": `Bearer realm="${service.origin}/token?realm=own",service="fake",scope="${wanted}"`,
      });
      return false;
    });
  }

  #serveTokens(next: Guard): Guard {
    return (seen, response) => {
      if (!seen.url.startsWith("/token")) return next(seen, response);
      this.requests.push(seen);
      const scopes = this.#scopesOf(seen);
      if (scopes === undefined) {
        fail(response, seen.method === "POST" && this.#options.refreshToken === undefined ? 404 : 401, "UNAUTHORIZED");
        return false;
      }
      const token = `token-${++this.#count}`;
      this.#good.set(token, scopes);
      const answer = this.#options.answer ?? { token, expires_in: 300 };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
      return false;
    };
  }

  #scopesOf(seen: Seen): string[] | undefined {
    const { login, refreshToken } = this.#options;
    if (seen.method === "POST") {
      const form = new URLSearchParams(seen.body.toString());
      return form.get("refresh_token") === refreshToken ? (form.get("scope") ?? "").split(" ") : undefined;
    }
    const given = Buffer.from((seen.headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
    if (login !== undefined && given !== login) return undefined;
    return new URL(seen.url, "http://x").searchParams.getAll("scope");
  }
}

function wantedScope({ method, url }: Seen): string {
  const repository = /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(url)?.[1] ?? "";
  return `repository:${repository}:${method === "GET" || method === "HEAD" ? "pull" : "pull,push"}`;
}

function covers(scope: string, wanted: string): boolean {
  const [, name, actions = ""] = scope.split(":");
  const [, wantedName, wantedActions = ""] = wanted.split(":");
  return name === wantedName && wantedActions.split(",").every((action) => actions.split(",").includes(action));
}
