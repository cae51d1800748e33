import { readFileSync } from "node:fs";
import { AppError, errnoOf, messageOf } from "../../base/errors.ts";
import { parseAuthFile } from "./auth-file.ts";
import type { AuthFile } from "./auth-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The places that may hold credentials, in the order to ask: `DOCKER_AUTH_CONFIG` (the JSON itself, as
 * GitLab gives it), docker's config.json, containers' auth.json. Those that are not there are left out.
 *
 * Throws `CREDENTIALS_MALFORMED` and `CREDENTIALS_UNREADABLE`.
 */
export function readSources(env: Environment): AuthFile[] {
  const files: AuthFile[] = [];
  const inline = env["DOCKER_AUTH_CONFIG"];
  if (inline !== undefined && inline.trim() !== "") files.push(parseAuthFile(inline, "$DOCKER_AUTH_CONFIG"));
  for (const path of credentialFiles(env)) {
    const text = readIfPresent(path);
    if (text !== undefined && text.trim() !== "") files.push(parseAuthFile(text, path));
  }
  return files;
}

/** Paths in the order to ask; none of them has to exist. */
export function credentialFiles(env: Environment): string[] {
  const { DOCKER_CONFIG, REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, XDG_CONFIG_HOME, HOME } = env;
  const config = XDG_CONFIG_HOME || (HOME && `${HOME}/.config`);
  const docker = DOCKER_CONFIG || (HOME && `${HOME}/.docker`);
  const paths = [
    docker && `${docker}/config.json`,
    REGISTRY_AUTH_FILE,
    XDG_RUNTIME_DIR && `${XDG_RUNTIME_DIR}/containers/auth.json`,
    config && `${config}/containers/auth.json`,
  ];
  return paths.filter((path): path is string => path !== undefined && path !== "");
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw new AppError(
      "CREDENTIALS_UNREADABLE",
      `cannot read the registry credentials in ${path}: ${messageOf(error)}`,
      {
        hint: `Make ${path} readable for this user, or set DOCKER_CONFIG to a directory that is.`,
        cause: error,
      },
    );
  }
}
