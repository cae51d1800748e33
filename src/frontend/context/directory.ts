import { readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { AppError, errnoOf, messageOf } from "../../base/errors.ts";
import type { SourceFile } from "../../base/source.ts";
import { decodeSourceFile } from "../dockerfile/source-file.ts";
import { suggest } from "../dockerfile/suggest.ts";
import { parseIgnoreFile } from "../ignore/parse.ts";

/** A directory that is built, with the files that say how. Its other files are read when they are copied. */
export interface DirectoryContext {
  readonly directory: string;
  readonly dockerfile: SourceFile;
  /** Patterns of files that are left out, in order. */
  readonly ignore: readonly string[];
}

/**
 * Opens the directory `directory` (absolute) as a build context. `dockerfile` is the path of -f
 * (absolute); without it the context's own `Dockerfile`, then `dockerfile`. `DOCKERFILE.dockerignore`
 * beside the Dockerfile counts instead of the context's `.dockerignore`.
 *
 * Throws `CONTEXT_NOT_FOUND`, `CONTEXT_NOT_DIRECTORY`, `CONTEXT_UNREADABLE`, `CONTEXT_ESCAPE`,
 * `DOCKERFILE_NOT_FOUND`, `DOCKERFILE_TOO_LARGE` and `IGNORE_PATTERN_INVALID`.
 */
export function openDirectory(directory: string, dockerfile?: string): DirectoryContext {
  checkDirectory(directory);
  const path = dockerfile ?? findDockerfile(directory);
  const file = readSource(directory, path, dockerfile === undefined);
  if (file === undefined) throw dockerfileNotFound(directory, path);
  const ignore =
    readSource(directory, `${path}.dockerignore`, dockerfile === undefined) ??
    readSource(directory, join(directory, ".dockerignore"), true);
  return { directory, dockerfile: file, ignore: ignore === undefined ? [] : parseIgnoreFile(ignore) };
}

/** The directory `directory` with a Dockerfile from elsewhere: its own ignore file counts. */
export function withDockerfile(directory: string, dockerfile: SourceFile): DirectoryContext {
  return { ...openNamedDirectory(directory), dockerfile };
}

/** A Dockerfile of this machine, by its absolute path. Throws `DOCKERFILE_NOT_FOUND` and `DOCKERFILE_TOO_LARGE`. */
export function readSourceFile(path: string): SourceFile {
  const file = readSource(dirname(path), path, false);
  if (file === undefined) throw dockerfileNotFound(dirname(path), path);
  return { ...file, name: path };
}

/** A directory that goes by a name (`--build-context NAME=DIRECTORY`), with its own ignore file. */
export function openNamedDirectory(directory: string, name?: string): Pick<DirectoryContext, "directory" | "ignore"> {
  checkDirectory(directory, name);
  const ignore = readSource(directory, join(directory, ".dockerignore"), true);
  return { directory, ignore: ignore === undefined ? [] : parseIgnoreFile(ignore) };
}

const DEFAULT_NAMES = ["Dockerfile", "dockerfile"] as const;

/** Far more than any Dockerfile; what is larger was not meant to be one. */
const SIZE_LIMIT = 16 * 1024 * 1024;

function checkDirectory(directory: string, name?: string): void {
  const what = name === undefined ? `build context ${directory}` : `--build-context ${name}: ${directory}`;
  const found = inspect(directory, what);
  if (found === undefined) {
    throw new AppError("CONTEXT_NOT_FOUND", `${what} does not exist`, {
      hint:
        name === undefined
          ? "Give the directory that holds the files to build, such as . for this one."
          : `Write --build-context ${name}=PATH with a directory that is there.`,
    });
  }
  if (found.isDirectory()) return;
  throw new AppError("CONTEXT_NOT_DIRECTORY", `${what} is no directory`, {
    hint:
      name === undefined
        ? `To build with that Dockerfile, write -f ${directory} ${dirname(directory)}.`
        : `Write --build-context ${name}=${dirname(directory)} for the directory it is in.`,
  });
}

function findDockerfile(directory: string): string {
  const names = new Set(readdirSync(directory));
  return join(directory, DEFAULT_NAMES.find((name) => names.has(name)) ?? DEFAULT_NAMES[0]);
}

/** The text of a file, undefined where there is none. What was not named by the user must be inside the context. */
function readSource(directory: string, path: string, mustBeInside: boolean): SourceFile | undefined {
  const inside = relative(directory, path);
  const name = inside === "" || inside.startsWith("..") ? path : inside;
  const found = inspect(path, name);
  if (found === undefined) return undefined;
  if (!found.isFile()) {
    throw new AppError(
      "DOCKERFILE_NOT_FOUND",
      `${name} is ${found.isDirectory() ? "a directory" : "no regular file"}, expected a file`,
      {
        hint: found.isDirectory()
          ? `Write -f ${join(path, "Dockerfile")}.`
          : "Give a regular file, or pipe the Dockerfile in with -f -.",
      },
    );
  }
  if (mustBeInside) refuseEscape(directory, path, name);
  if (found.size > SIZE_LIMIT) {
    throw new AppError("DOCKERFILE_TOO_LARGE", `${name} has ${found.size} bytes, expected at most ${SIZE_LIMIT}`, {
      hint: "Check that it is the file you meant.",
    });
  }
  return decodeSourceFile(name, readFileSync(path));
}

/** A link out of the context would show files of this machine to whoever reads the build's output. */
function refuseEscape(directory: string, path: string, name: string): void {
  const target = realpathSync(path);
  if (!relative(realpathSync(directory), target).startsWith("..")) return;
  throw new AppError("CONTEXT_ESCAPE", `${name} is a link to ${target}, outside the build context`, {
    hint: `Put the file into the context, or name a Dockerfile elsewhere yourself: -f ${target}.`,
  });
}

function dockerfileNotFound(directory: string, path: string): AppError {
  const folder = dirname(path);
  const names = inspect(folder, folder)?.isDirectory() === true ? readdirSync(folder).sort() : undefined;
  const message = `no ${basename(path)} in ${folder}`;
  if (names === undefined) {
    return new AppError("DOCKERFILE_NOT_FOUND", `${message}: that directory does not exist`, {
      hint: `-f is relative to the working directory, not to the context ${directory}.`,
    });
  }
  const similar = suggest(basename(path), names) ?? names.find((name) => /dockerfile|containerfile/i.test(name));
  const there =
    names.length === 0 ? "it is empty" : `it holds ${names.slice(0, 8).join(", ")}${names.length > 8 ? ", …" : ""}`;
  return new AppError("DOCKERFILE_NOT_FOUND", `${message}: ${there}`, {
    hint:
      similar === undefined ? "Give the path of the Dockerfile with -f." : `Did you mean -f ${join(folder, similar)}?`,
  });
}

function inspect(path: string, name: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A file where a directory was expected, on the way.
    if (errnoOf(error) === "ENOTDIR") return undefined;
    throw new AppError("CONTEXT_UNREADABLE", `${name} cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: "Check its permissions.",
    });
  }
}
