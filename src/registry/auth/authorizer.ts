import type { Credential } from "../credentials/credential.ts";
import type { Endpoint } from "../endpoint.ts";
import { RegistryError } from "../errors.ts";
import type { HttpResponse, Transport } from "../http/transport.ts";
import { SingleFlight } from "../single-flight.ts";
import { howToLogIn } from "../login-hint.ts";
import { readAnswer, statusError } from "../status-error.ts";
import type { Subject } from "../subject.ts";
import { chooseChallenge, parseChallenges } from "./challenge.ts";
import type { Challenge } from "./challenge.ts";
import { parseRealm } from "./realm.ts";
import { formatScope, mergeScopes, parseScopes, permissionsOf } from "./scope.ts";
import type { Scope } from "./scope.ts";
import { TokenCache } from "./token-cache.ts";
import { basicAuthorization, fetchToken } from "./token.ts";

export interface AuthorizerOptions {
  readonly transport: Transport;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly isPlainHttpAllowed: (address: string) => boolean;
  /** The account for a repository at a host; looked up when a host first asks for one. */
  readonly findCredential: (host: string, path: string, signal: AbortSignal) => Promise<Credential>;
}

/** What a request is to be allowed. */
export interface Permit {
  readonly endpoint: Endpoint;
  /** As the endpoint names it. */
  readonly path: string;
  readonly scopes: readonly Scope[];
  readonly subject: Subject;
}

/** How a host wants to be spoken to; nothing is sent before it has said so. */
type Manner =
  | { readonly kind: "basic" }
  | { readonly kind: "bearer"; readonly realm: URL; readonly service: string | undefined };

/** Finds the `Authorization` of each request; remembers manners and tokens of every host. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #manners = new Map<string, Manner>();
  readonly #tokens: TokenCache;
  readonly #flights = new SingleFlight<string>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#tokens = new TokenCache(options.now);
  }

  /** What to send without being asked, from what the host showed before. */
  async prepare(permit: Permit, signal: AbortSignal): Promise<string | undefined> {
    const manner = this.#manners.get(permit.endpoint.origin);
    if (manner === undefined) return undefined;
    const credential = await this.#credentialFor(permit, signal);
    if (manner.kind === "basic") return basicAuthorization(credential);
    return this.#bearer(manner, credential, permit, permit.scopes, signal);
  }

  /**
   * Answers a 401 whose request carried `rejected`. Takes the response over.
   * Throws `REGISTRY_UNAUTHORIZED` where there is nothing new to send.
   */
  async answer(
    response: HttpResponse,
    permit: Permit,
    rejected: string | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      const challenge = chooseChallenge(parseChallenges(response.headers["www-authenticate"] ?? ""));
      if (challenge === undefined) throw await statusError(response, permit.subject);
      const manner = this.#mannerOf(challenge, response.url);
      this.#manners.set(permit.endpoint.origin, manner);
      const credential = await this.#credentialFor(permit, signal);
      const next = await this.#respond(manner, challenge, credential, permit, rejected, signal);
      if (next === undefined || next === rejected) throw await this.refused(response, permit, signal);
      return next;
    } finally {
      await response.discard();
    }
  }

  /** The error for a 401 that no further request can cure. */
  async refused(response: HttpResponse, permit: Permit, signal: AbortSignal): Promise<RegistryError> {
    const { subject, scopes } = permit;
    const { said, diagnostics } = await readAnswer(response);
    const credential = await this.#credentialFor(permit, signal);
    const wanted = scopes.map(formatScope).join(" ");
    const who = credential.kind === "anonymous" ? "an anonymous request" : `the credentials of ${credential.source}`;
    return new RegistryError(
      "REGISTRY_UNAUTHORIZED",
      `${subject.host} refuses ${who} for ${subject.what} (${wanted}): ${said}`,
      { status: 401, diagnostics, hint: refusalHint(credential, subject) },
    );
  }

  #respond(
    manner: Manner,
    challenge: Challenge,
    credential: Credential,
    permit: Permit,
    rejected: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (manner.kind === "basic") return Promise.resolve(basicAuthorization(credential));
    if (rejected !== undefined) this.#tokens.remove(permit.endpoint.origin, rejected.replace(/^Bearer /, ""));
    const scopes = mergeScopes(permit.scopes, parseScopes(challenge.parameters.get("scope") ?? ""));
    return this.#bearer(manner, credential, permit, scopes, signal);
  }

  #mannerOf({ scheme, parameters }: Challenge, registry: URL): Manner {
    if (scheme === "basic") return { kind: "basic" };
    const realm = parseRealm(parameters.get("realm") ?? "", registry, this.#options.isPlainHttpAllowed);
    return { kind: "bearer", realm, service: parameters.get("service") };
  }

  async #bearer(
    { realm, service }: Manner & { readonly kind: "bearer" },
    credential: Credential,
    { endpoint, subject }: Permit,
    scopes: readonly Scope[],
    signal: AbortSignal,
  ): Promise<string> {
    if (credential.kind === "bearer") return `Bearer ${credential.token}`;
    const { transport } = this.#options;
    const permissions = permissionsOf(scopes);
    const cached = this.#tokens.find(endpoint.origin, permissions);
    if (cached !== undefined) return `Bearer ${cached}`;
    const key = [endpoint.origin, realm.href, ...permissions].join("\n");
    return this.#flights.run(key, signal, async (shared) => {
      const token = await fetchToken({ realm, service, scopes, credential, subject }, transport, shared);
      this.#tokens.add(endpoint.origin, permissions, token);
      return `Bearer ${token.token}`;
    });
  }

  #credentialFor({ endpoint, path }: Permit, signal: AbortSignal): Promise<Credential> {
    return this.#options.findCredential(endpoint.name, path, signal);
  }
}

function refusalHint(credential: Credential, { host, repository, action }: Subject): string {
  if (credential.kind !== "anonymous") {
    return `Check that this account may ${action} ${repository}, or log in again: ${howToLogIn(host)}.`;
  }
  const logIn = `Log in: ${howToLogIn(host)}`;
  if (action === "push") return `${logIn}.`;
  return `${logIn}; or check the spelling of ${repository}: a registry answers like this for what does not exist too.`;
}
