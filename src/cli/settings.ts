import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessContext } from "../base/context.ts";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";

/** What holds for every command of a user or a CI job, from the config file and the environment. */
export interface Settings {
  readonly root: string | undefined;
  /** `docker.io=localhost:5000`, in the order to ask. */
  readonly mirrors: readonly string[];
  readonly plainHttp: readonly string[];
}

/**
 * Reads `$MANYARCH_CONFIG` or `~/.config/manyarch/config.json`, then lets the environment win:
 * `MANYARCH_ROOT`, `MANYARCH_REGISTRY_MIRRORS` (`docker.io=localhost:5000,gcr.io=...`) and
 * `MANYARCH_PLAIN_HTTP` (`host:port,...`).
 */
export function readSettings({ env }: ProcessContext): Settings {
  const file = readConfigFile(env);
  const fromFile = Object.entries(file.registryMirrors ?? {}).flatMap(([registry, hosts]) =>
    hosts.map((host) => `${registry}=${host}`),
  );
  return {
    root: env["MANYARCH_ROOT"] || file.root,
    mirrors: [...list(env["MANYARCH_REGISTRY_MIRRORS"]), ...fromFile],
    plainHttp: [...(file.plainHttp ?? []), ...list(env["MANYARCH_PLAIN_HTTP"])],
  };
}

interface ConfigFile {
  root?: string;
  registryMirrors?: Record<string, string[]>;
  plainHttp?: string[];
}

function readConfigFile(env: ProcessContext["env"]): ConfigFile {
  const named = env["MANYARCH_CONFIG"];
  const home = env["XDG_CONFIG_HOME"] || (env["HOME"] ? join(env["HOME"], ".config") : undefined);
  const path = named || (home === undefined ? undefined : join(home, "manyarch", "config.json"));
  if (path === undefined) return {};
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (!named && errnoOf(cause) === "ENOENT") return {};
    throw new AppError("USAGE_SETTINGS", `config file ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      hint: named ? "MANYARCH_CONFIG names it: name one that is there, or unset it" : "make it readable, or remove it",
    });
  }
  return parseConfigFile(text, path);
}

function parseConfigFile(text: string, path: string): ConfigFile {
  const fail = (what: string, cause?: unknown): AppError =>
    new AppError("USAGE_SETTINGS", `config file ${path}: ${what}`, {
      cause,
      hint: 'it holds {"root": "...", "registryMirrors": {"docker.io": ["localhost:5000"]}, "plainHttp": ["host:port"]}',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail(messageOf(cause), cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("expected an object");
  const result: ConfigFile = {};
  for (const [name, item] of Object.entries(value)) {
    if (name === "root" && typeof item === "string") result.root = item;
    else if (name === "plainHttp" && isTexts(item)) result.plainHttp = item;
    else if (name === "registryMirrors" && isTextsByName(item)) result.registryMirrors = item;
    else throw fail(`${name} is unknown or has the wrong type`);
  }
  return result;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isTextsByName(value: unknown): value is Record<string, string[]> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isTexts);
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
