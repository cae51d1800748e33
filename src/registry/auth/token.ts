import type { Credential } from "../credentials/credential.ts";
import { RegistryError } from "../errors.ts";
import { readBytes } from "../http/read-body.ts";
import { sendFollowing } from "../http/redirect.ts";
import type { HttpRequest, HttpResponse, Transport } from "../http/transport.ts";
import { howToLogIn } from "../login-hint.ts";
import { readAnswer, statusError } from "../status-error.ts";
import type { Subject } from "../subject.ts";
import { formatScope } from "./scope.ts";
import type { Scope } from "./scope.ts";

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly Scope[];
  readonly credential: Credential;
  readonly subject: Subject;
}

export interface Token {
  readonly token: string;
  readonly lifetimeMs: number;
}

const CLIENT_ID = "manyarch";
const MAX_TOKEN_BYTES = 64 * 1024;
/** The specification's default, and the least it lets a server give. */
const MIN_LIFETIME_S = 60;
const MAX_LIFETIME_S = 24 * 3600;

/** Fetches a token: one request, or two where an identity token's POST is not understood. */
export async function fetchToken(request: TokenRequest, transport: Transport, signal: AbortSignal): Promise<Token> {
  if (request.credential.kind === "identity-token") {
    const response = await sendFollowing(transport, refreshRequest(request, request.credential.token), signal);
    // GCR answers 404, Artifactory 401, others 405: they know only GET (containerd, remotes/docker/authorizer.go).
    if (![401, 404, 405].includes(response.status)) return readToken(response, request);
    await response.discard();
  }
  return readToken(await sendFollowing(transport, tokenRequest(request), signal), request);
}

/** distribution, "Token Authentication Specification". */
function tokenRequest({ realm, service, scopes, credential }: TokenRequest): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", formatScope(scope));
  const authorization = basicAuthorization(credential);
  const headers = { accept: "application/json", ...(authorization !== undefined && { authorization }) };
  return { method: "GET", url, headers };
}

/** distribution, "OAuth2 Token Authentication". */
function refreshRequest({ realm, service, scopes }: TokenRequest, refreshToken: string): HttpRequest {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    service: service ?? "",
    scope: scopes.map(formatScope).join(" "),
    client_id: CLIENT_ID,
    refresh_token: refreshToken,
  });
  const bytes = Buffer.from(form.toString());
  return {
    method: "POST",
    url: realm,
    headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
    body: { size: bytes.length, isSecret: true, open: () => [bytes] },
  };
}

/** The `Authorization` of the Basic scheme; undefined where the credential has no such form. */
export function basicAuthorization(credential: Credential): string | undefined {
  switch (credential.kind) {
    case "password":
      return basic(credential.username, credential.password);
    case "identity-token":
      return basic(credential.username ?? "<token>", credential.token);
    case "anonymous":
    case "bearer":
      return undefined;
  }
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function readToken(response: HttpResponse, request: TokenRequest): Promise<Token> {
  const { subject, realm } = request;
  if (response.status === 401 || response.status === 403) throw await refused(response, request);
  if (response.status !== 200) {
    throw await statusError(response, { ...subject, host: realm.host, what: `a token for ${subject.repository}` });
  }
  const bytes = await readBytes(response, MAX_TOKEN_BYTES);
  const token = bytes === undefined ? undefined : parseToken(bytes);
  if (token !== undefined) return token;
  throw new RegistryError("REGISTRY_PROTOCOL", `the token service ${realm.host} of ${subject.host} gave no token`, {
    hint: "Its operator must look: the answer must be a JSON object with token or access_token.",
  });
}

function parseToken(bytes: Uint8Array): Token | undefined {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof document !== "object" || document === null) return undefined;
  const fields = document as Record<string, unknown>;
  const token = [fields["token"], fields["access_token"]].find((value) => typeof value === "string" && value !== "");
  // A token that could end the header line would let the server write headers of its own.
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) return undefined;
  const seconds = Number(fields["expires_in"] ?? MIN_LIFETIME_S);
  const lifetime = Math.min(MAX_LIFETIME_S, Math.max(MIN_LIFETIME_S, Number.isFinite(seconds) ? seconds : 0));
  return { token, lifetimeMs: lifetime * 1000 };
}

async function refused(
  response: HttpResponse,
  { realm, credential, scopes, subject }: TokenRequest,
): Promise<RegistryError> {
  const { said, diagnostics } = await readAnswer(response);
  const wanted = scopes.map(formatScope).join(" ");
  const isKnown = credential.kind !== "anonymous";
  const who = isKnown ? `the credentials of ${credential.source}` : "an anonymous request";
  const message = `${realm.host}, the token service of ${subject.host}, refuses ${who} for ${subject.what} (${wanted}): ${said}`;
  return new RegistryError("REGISTRY_UNAUTHORIZED", message, {
    hint: `${isKnown ? "Log in again" : "Log in"}: ${howToLogIn(subject.host)}.`,
    status: response.status,
    diagnostics,
  });
}
