import { cleanPath } from "../../base/clean-path.ts";
import { AppError } from "../../base/errors.ts";
import { Hidden } from "../../base/hidden.ts";
import { redactUserinfo } from "../../base/redact.ts";
import { parseBoolean } from "../../base/values.ts";
import type { GitStep } from "../../engine/types.ts";

/** What a git address of BuildKit's kinds says: `URL#ref:directory`, `URL?ref=…&subdir=…`, `user@host:path`. */
export interface GitAddress extends Pick<
  GitStep,
  "remote" | "credentials" | "ref" | "checksum" | "byCommit" | "directory"
> {
  readonly submodules?: boolean | undefined;
  readonly keepGitDir?: boolean | undefined;
  /** `github.com/…` without a scheme: a repository as a build context, a path of files in ADD. */
  readonly ambiguous: boolean;
}

/**
 * Reads an address as BuildKit does (dfgitutil, gitutil); undefined where it is none of a repository:
 * over HTTP that is only what ends in `.git`. Throws `ADDRESS_INVALID` for options that cannot be meant.
 */
export function parseGitAddress(text: string): GitAddress | undefined {
  if (/^\.\.?\//.test(text)) return undefined;
  const ambiguous = text.startsWith("github.com/");
  const parts = splitUrl(ambiguous ? `https://${text}` : text) ?? splitScp(text);
  if (parts === undefined) return undefined;
  const overHttp = /^https?:/i.test(parts.remote);
  if (overHttp && !ambiguous && !parts.path.endsWith(".git")) return undefined;
  const { remote, credentials } = parts;
  return { remote, credentials, ambiguous, ...readOptions(parts, redactUserinfo(text)) };
}

/** Whether git fetches from such an address by one of the ways that are allowed: over HTTP from any path. */
export function isGitTransport(text: string): boolean {
  return (splitUrl(text) ?? splitScp(text)) !== undefined;
}

/** What ADD or a build context fetches of it. */
export function gitStep(
  { ambiguous: _ambiguous, submodules = true, keepGitDir = false, ...address }: GitAddress,
  more: Partial<Pick<GitStep, "checksum" | "keepGitDir">> = {},
): GitStep {
  return { kind: "git", ...address, submodules, keepGitDir, ...more };
}

interface Parts {
  readonly remote: string;
  readonly credentials?: Hidden<string> | undefined;
  /** Decoded. */
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

function splitUrl(text: string): Parts | undefined {
  const match = /^(https?|ssh|git):\/\/(?:([^/?#@]*)@)?([^/?#]+)([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is.exec(text);
  if (match === null || /[\s\p{Cc}]/u.test(text) || URL.parse(text) === null) return undefined;
  const [, scheme = "", user = "", host = "", path = "", query = "", fragment = ""] = match;
  // No program may take a host or a user for an option.
  if (host.startsWith("-") || user.startsWith("-")) return undefined;
  const named = scheme.toLowerCase();
  const decodedPath = decoded(path);
  if (decodedPath === undefined) return undefined;
  const name = user.split(":")[0] ?? "";
  // The user of ssh is an account's name; what else stands there is for HTTP, and is kept out of sight.
  const account = named === "ssh" && name !== "" ? `${name}@` : "";
  const credentials = user === "" || named === "ssh" ? undefined : new Hidden(userinfo(user));
  const remote = `${named}://${account}${host}${path}`;
  return {
    remote,
    path: decodedPath,
    query,
    fragment: decoded(fragment) ?? fragment,
    ...(credentials && { credentials }),
  };
}

function splitScp(text: string): Parts | undefined {
  const match = /^([a-zA-Z0-9_][a-zA-Z0-9_-]*@[a-zA-Z0-9][a-zA-Z0-9.-]*:(?!-)(.*?))(?:\?(.*?))?(?:#(.*))?$/.exec(text);
  if (match === null) return undefined;
  const [, remote = "", path = "", query = "", fragment = ""] = match;
  return { remote, path, query, fragment };
}

/** `user:password` as it was before it was escaped; of a name alone the password is empty. */
function userinfo(text: string): string {
  const [name = "", ...password] = text.split(":");
  return `${decoded(name) ?? name}:${decoded(password.join(":")) ?? password.join(":")}`;
}

type Options = Omit<GitAddress, "remote" | "credentials" | "ambiguous">;

function readOptions({ query, fragment }: Parts, text: string): Options {
  const values = readQuery(query, text);
  const colon = fragment.indexOf(":");
  const ref = agreed("ref", text, [
    colon < 0 ? fragment : fragment.slice(0, colon),
    values.get("ref"),
    qualified("refs/tags/", values.get("tag")),
    qualified("refs/heads/", values.get("branch")),
  ]);
  if (ref.startsWith("-")) throw invalid(text, `has the ref ${JSON.stringify(ref)}, which looks like an option`);
  const directory = agreed("subdir", text, [
    colon < 0 ? "" : relative(fragment.slice(colon + 1)),
    relative(values.get("subdir") ?? ""),
  ]);
  const checksum = agreed("checksum", text, [values.get("checksum"), values.get("commit")]);
  checkTime(values.get("mtime"), text);
  return {
    ...(ref !== "" && { ref }),
    ...(checksum !== "" && { checksum: checkChecksum(checksum, text) }),
    directory,
    byCommit: flag(values, "fetch-by-commit", text) ?? false,
    submodules: flag(values, "submodules", text),
    keepGitDir: flag(values, "keep-git-dir", text),
  };
}

const VALUES = ["ref", "tag", "branch", "subdir", "checksum", "commit", "mtime"] as const;
const FLAGS = ["submodules", "keep-git-dir", "fetch-by-commit"] as const;

function readQuery(query: string, text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (![...VALUES, ...FLAGS].some((known) => known === name)) {
      throw invalid(text, `has the option ${JSON.stringify(name)}, which is not known`);
    }
    if (values.has(name)) throw invalid(text, `has the option ${name} more than once`);
    if (value === "" && VALUES.some((known) => known === name)) throw invalid(text, `has no value for ${name}`);
    values.set(name, value);
  }
  return values;
}

/** The commit that a ref must name: 7 or more digits are usual, any number is taken. */
export function checkChecksum(checksum: string, text: string): string {
  if (/^[0-9a-fA-F]{1,64}$/.test(checksum)) return checksum;
  throw invalid(text, `has the checksum ${JSON.stringify(checksum)}, expected the hexadecimal digits of a commit`);
}

/** Files of a commit have its time here, which both values allow. */
function checkTime(value: string | undefined, text: string): void {
  if (value === undefined || value === "commit" || value === "checkout") return;
  throw invalid(text, `has mtime=${value}, expected checkout or commit`);
}

/** All that is said more than once must say the same. */
function agreed(name: string, text: string, values: readonly (string | undefined)[]): string {
  const [first = "", ...others] = new Set(values.filter((value) => value !== undefined && value !== ""));
  if (others.length === 0) return first;
  throw invalid(text, `says two things for ${name}: ${first} and ${others[0]}`);
}

function qualified(prefix: string, name: string | undefined): string | undefined {
  return name === undefined || name.startsWith(prefix) ? name : prefix + name;
}

function relative(path: string): string {
  return cleanPath(`/${path}`).slice(1);
}

/** A name without value is true. */
function flag(values: ReadonlyMap<string, string>, name: (typeof FLAGS)[number], text: string): boolean | undefined {
  const value = values.get(name);
  if (value === undefined) return undefined;
  const read = value === "" ? true : parseBoolean(value);
  if (read !== undefined) return read;
  throw invalid(text, `has ${name}=${value}, expected true or false`);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not escaped text: Go's url.Parse refuses it too.
    return undefined;
  }
}

function invalid(text: string, what: string): AppError {
  return new AppError("ADDRESS_INVALID", `git address ${text} ${what}`, {
    hint: "Write URL.git#REF:DIRECTORY or URL.git?branch=NAME&subdir=DIRECTORY; options are tag, branch, ref, commit, checksum, subdir, submodules, keep-git-dir, fetch-by-commit.",
  });
}
