import { AppError } from "../../base/errors.ts";
import type { Credential } from "./credential.ts";

/** docker's config.json and containers' auth.json, which have one shape, as far as credentials go. */
export interface AuthFile {
  /** The path, or the variable, that the text came from. */
  readonly source: string;
  readonly auths: ReadonlyMap<string, AuthEntry>;
  readonly credHelpers: ReadonlyMap<string, string>;
  readonly credsStore: string | undefined;
}

export interface AuthEntry {
  readonly auth?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

/** Reads the text of `source`. Throws `CREDENTIALS_MALFORMED`, with nothing of the text in the message. */
export function parseAuthFile(text: string, source: string): AuthFile {
  let document: unknown;
  try {
    document = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    // JSON.parse quotes the text in its message; here that may be a password.
    throw malformed(source, "it is not valid JSON");
  }
  const fields = asRecord(document, source, "the document");
  const credsStore = fields["credsStore"];
  return {
    source,
    auths: mapValues(fields["auths"], source, "auths", (value, name) => readEntry(value, source, name)),
    credHelpers: mapValues(fields["credHelpers"], source, "credHelpers", (value, name) => {
      if (typeof value === "string") return value;
      throw malformed(source, `credHelpers of ${name} is not a string`);
    }),
    credsStore: typeof credsStore === "string" && credsStore !== "" ? credsStore : undefined,
  };
}

/** The credential in an entry, or undefined where it is empty: docker leaves `{}` behind for its helpers. */
export function credentialOf(entry: AuthEntry, name: string, source: string): Credential | undefined {
  const { username, password } = readLogin(entry, name, source);
  if (entry.registrytoken) return { kind: "bearer", token: entry.registrytoken, source };
  if (entry.identitytoken) return { kind: "identity-token", username, token: entry.identitytoken, source };
  if (username === undefined || password === undefined) return undefined;
  return { kind: "password", username, password, source };
}

function readLogin(entry: AuthEntry, name: string, source: string): { username?: string; password?: string } {
  if (!entry.auth) {
    if (!entry.username) return {};
    return { username: entry.username, password: entry.password ?? "" };
  }
  const decoded = Buffer.from(entry.auth.trim(), "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0) throw malformed(source, `auth of ${name} is not the base64 of USER:PASSWORD`);
  // Old docker versions padded the password with NULs (docker/cli, cli/config/configfile decodeAuth).
  const password = decoded.slice(colon + 1).replace(/^\0+|\0+$/g, "");
  const username = decoded.slice(0, colon);
  return username === "" ? {} : { username, password };
}

function readEntry(value: unknown, source: string, name: string): AuthEntry {
  const fields = asRecord(value, source, `the entry of ${name}`);
  const text = (key: string): string | undefined => {
    const field = fields[key];
    if (field === undefined || field === null || typeof field === "string") return field ?? undefined;
    throw malformed(source, `${key} of ${name} is not a string`);
  };
  return {
    auth: text("auth"),
    username: text("username"),
    password: text("password"),
    identitytoken: text("identitytoken"),
    registrytoken: text("registrytoken"),
  };
}

function mapValues<T>(
  value: unknown,
  source: string,
  key: string,
  read: (value: unknown, name: string) => T,
): ReadonlyMap<string, T> {
  if (value === undefined || value === null) return new Map();
  return new Map(Object.entries(asRecord(value, source, key)).map(([name, inner]) => [name, read(inner, name)]));
}

function asRecord(value: unknown, source: string, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw malformed(source, `${what} is not a JSON object`);
}

function malformed(source: string, what: string): AppError {
  return new AppError("CREDENTIALS_MALFORMED", `cannot read the registry credentials in ${source}: ${what}`, {
    hint: `Correct ${source}, or log in again to have it written anew.`,
  });
}
