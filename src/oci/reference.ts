import { AppError } from "../base/errors.ts";
import { isDigest } from "./digest.ts";
import type { Digest } from "./digest.ts";

/**
 * The name of an image, normalised as docker does: `alpine` is `docker.io/library/alpine`.
 * Both parts are valid by the grammar of distribution/reference v0.6.0; no tag is implied.
 */
export interface Reference {
  /** Host with its port where one is given: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** The repository inside the registry: `library/alpine`. At most 255 characters. */
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/** Reads `[domain/]path[:tag][@digest]`. Throws `REFERENCE_INVALID`. */
export function parseReference(text: string): Reference {
  refuseWhatIsNoName(text);
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : parsePinned(text, text.slice(at + 1));
  const { domain, remainder } = splitDomain(at < 0 ? text : text.slice(0, at));
  const colon = remainder.indexOf(":");
  const path = colon < 0 ? remainder : remainder.slice(0, colon);
  const tag = colon < 0 ? undefined : remainder.slice(colon + 1);
  checkPath(text, path);
  if (!isDomain(domain)) throw invalid(text, `${quote(domain)} is not a valid registry host`, HOST_HINT);
  if (tag !== undefined) checkTag(text, tag);
  return {
    domain,
    path,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/** The canonical form: `docker.io/library/alpine:3.20@sha256:…`. */
export function formatReference(reference: Reference): string {
  return repositoryName(reference) + suffix(reference);
}

/** The form people write: `alpine:3.20`. Parses to the same reference. */
export function familiarReference(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== DEFAULT_DOMAIN) return formatReference(reference);
  const official = path.startsWith(OFFICIAL) ? path.slice(OFFICIAL.length) : path;
  const name = [official, path].find(
    (candidate) => splitDomain(candidate).remainder === path && !isIdentifier(candidate),
  );
  return (name ?? repositoryName(reference)) + suffix(reference);
}

/** `docker.io/library/alpine`: domain and path alone. */
export function repositoryName({ domain, path }: Reference): string {
  return `${domain}/${path}`;
}

/** With the tag `latest` where neither a tag nor a digest is given. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: "latest" };
}

const DEFAULT_DOMAIN = "docker.io";
const LEGACY_DOMAIN = "index.docker.io";
const OFFICIAL = "library/";
/** Longest path of distribution/reference. */
const PATH_LIMIT = 255;
/** Beyond any reference that could be valid; keeps hostile input from the patterns below. */
const TEXT_LIMIT = 1024;

const HOST_HINT = "Write the host as name[:port], such as registry.example.com:5000.";
const SHAPE_HINT = "Write [registry[:port]/]name[:tag][@digest], such as docker.io/library/alpine:3.20.";

function refuseWhatIsNoName(text: string): void {
  if (text === "") throw invalid(text, "it is empty", SHAPE_HINT);
  if (text.length > TEXT_LIMIT) throw invalid(text, `it is longer than ${TEXT_LIMIT} characters`, SHAPE_HINT);
  if (isIdentifier(text)) {
    throw invalid(
      text,
      "a name cannot be 64 hexadecimal digits",
      "To name an image by its digest, write name@sha256:DIGEST.",
    );
  }
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text);
  if (scheme !== null) throw invalid(text, "it is a URL, not an image name", `Leave out ${scheme[0]}.`);
}

/** What docker takes for the id of an image. */
function isIdentifier(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Docker's rule for what stands before the first slash: a host if it has a dot, a colon or a capital, or is localhost. */
function splitDomain(name: string): { readonly domain: string; readonly remainder: string } {
  const slash = name.indexOf("/");
  if (slash < 0) return { domain: DEFAULT_DOMAIN, remainder: OFFICIAL + name };
  const first = name.slice(0, slash);
  const rest = name.slice(slash + 1);
  const isHost = first === "localhost" || /[.:]/.test(first) || first.toLowerCase() !== first;
  if (!isHost) return { domain: DEFAULT_DOMAIN, remainder: name };
  const domain = first === LEGACY_DOMAIN ? DEFAULT_DOMAIN : first;
  if (domain !== DEFAULT_DOMAIN || rest.includes("/")) return { domain, remainder: rest };
  return { domain, remainder: OFFICIAL + rest };
}

function checkPath(text: string, path: string): void {
  if (path.toLowerCase() !== path) {
    const written = withoutOfficial(text, path);
    const hint = `Write ${text.replace(written, written.toLowerCase())}.`;
    throw invalid(text, `repository name (${path}) must be lowercase`, hint);
  }
  if (path === "" || path === OFFICIAL) throw invalid(text, "the repository name is empty", SHAPE_HINT);
  for (const component of path.split("/")) {
    if (isPathComponent(component)) continue;
    const shown = component === "" ? "an empty component" : `component ${quote(component)}`;
    throw invalid(
      text,
      `repository name (${path}) has ${shown}`,
      "Use lower-case letters and digits, with ., _, __ or - between them, and / between components.",
    );
  }
  if (path.length > PATH_LIMIT) {
    throw invalid(
      text,
      `repository name must not be more than ${PATH_LIMIT} characters, found ${path.length}`,
      "Shorten it.",
    );
  }
}

/** The path as it was written. */
function withoutOfficial(text: string, path: string): string {
  return text.includes(OFFICIAL) || !path.startsWith(OFFICIAL) ? path : path.slice(OFFICIAL.length);
}

function isPathComponent(component: string): boolean {
  return /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/.test(component);
}

function isDomain(domain: string): boolean {
  const match = /^(\[[a-fA-F0-9:]+\]|[^:[\]]+)(?::[0-9]+)?$/.exec(domain);
  const host = match?.[1];
  if (host === undefined) return false;
  return (
    host.startsWith("[") || host.split(".").every((label) => /^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(label))
  );
}

function checkTag(text: string, tag: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(tag)) return;
  throw invalid(
    text,
    `${quote(tag)} is not a valid tag`,
    "A tag has 1 to 128 letters, digits, _, . and -, and does not start with . or -.",
  );
}

function parsePinned(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  throw invalid(text, `${quote(digest)} is not a valid digest`, "Write @sha256: and 64 lower-case hexadecimal digits.");
}

function suffix({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function invalid(text: string, reason: string, hint: string): AppError {
  return new AppError("REFERENCE_INVALID", `image reference ${quote(text)} is not valid: ${reason}`, { hint });
}
