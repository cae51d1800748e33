import { AppError } from "../../base/errors.ts";
import type { Hidden } from "../../base/hidden.ts";
import { redactUserinfo } from "../../base/redact.ts";
import type { SourceFile } from "../../base/source.ts";
import { parseBoolean } from "../../base/values.ts";
import type { FileStep } from "../../engine/types.ts";
import { openDirectory, readSourceFile, withDockerfile } from "../../frontend/context/directory.ts";
import { decodeSourceFile } from "../../frontend/dockerfile/source-file.ts";
import type { RemoteFiles } from "../../frontend/dockerfile/to-graph/request.ts";
import type { BuildRequest, ContextInput, DockerfileInput } from "../request.ts";
import { parseContextAddress } from "./address.ts";
import { readInside } from "./read-inside.ts";
import { entriesOf, fetchSource, fileSource, filesOf, type Fetched, type SourceAccess } from "./sources.ts";

/** A build context with the files that say how to build it. */
export interface OpenedContext {
  readonly dockerfile: SourceFile;
  /** Empty where the context is no directory. */
  readonly directory: string;
  readonly ignore: readonly string[];
  readonly files?: RemoteFiles | undefined;
  /** What it was made of, where it is no directory. */
  readonly fetched?: Fetched | undefined;
  /** Names it for people and from build to build. */
  readonly name: string;
}

export interface OpenOptions extends SourceAccess {
  /** Reads standard input into the store, once for all attempts. */
  readonly keepStdin: () => Promise<FileStep>;
}

/** Opens what `request` is to be built from. As with docker, .dockerignore counts in directories alone. */
export async function openContext(request: BuildRequest, options: OpenOptions): Promise<OpenedContext> {
  const { context, dockerfile } = request;
  switch (context.kind) {
    case "directory":
      return openLocal(context, dockerfile, options);
    case "stdin":
      return openStdin(dockerfile, options);
    case "address": {
      const keepGitDir = parseBoolean(request.buildArgs["BUILDKIT_CONTEXT_KEEP_GIT_DIR"] ?? "") === true;
      const fetched = await fetchSource(parseContextAddress(context.address, { keepGitDir }), options);
      return openFetched(fetched, redactUserinfo(context.address.reveal()), dockerfile, options);
    }
  }
}

async function openLocal(
  { directory }: ContextInput & { readonly kind: "directory" },
  dockerfile: DockerfileInput | undefined,
  options: OpenOptions,
): Promise<OpenedContext> {
  const given = await dockerfileFrom(dockerfile, options);
  return { ...(given === undefined ? openDirectory(directory) : withDockerfile(directory, given)), name: directory };
}

async function openStdin(dockerfile: DockerfileInput | undefined, options: OpenOptions): Promise<OpenedContext> {
  if (dockerfile?.kind === "stdin") {
    throw new AppError("USAGE_INVALID", "the build context and the Dockerfile cannot both be standard input", {
      hint: "Put the Dockerfile into the archive, or give a directory as the context.",
    });
  }
  const file = await options.keepStdin();
  const fetched = await fileSource(file, options);
  if (fetched.kind === "archive") return openFetched(fetched, "-", dockerfile, options);
  if (dockerfile !== undefined) {
    throw new AppError("USAGE_INVALID", "standard input is a Dockerfile, and -f names another one", {
      hint: "Leave out -f, or pipe an archive of the build context.",
    });
  }
  const source = decodeSourceFile("stdin", readBlob(file, options));
  return { dockerfile: source, directory: "", ignore: [], files: { kind: "empty" }, name: "-" };
}

/** Of a repository, an archive, or a Dockerfile that was fetched alone. */
async function openFetched(
  fetched: Fetched,
  name: string,
  dockerfile: DockerfileInput | undefined,
  options: OpenOptions,
): Promise<OpenedContext> {
  const rest = { directory: "", ignore: [], files: filesOf(fetched), fetched, name };
  const given = await dockerfileFrom(dockerfile, options);
  if (given !== undefined) return { ...rest, dockerfile: given };
  if (fetched.kind === "file") {
    return { ...rest, dockerfile: decodeSourceFile("Dockerfile", readBlob(fetched.file, options)) };
  }
  const paths = dockerfile?.kind === "inside" ? [dockerfile.path] : ["Dockerfile", "dockerfile"];
  const { file } = await readInside(() => entriesOf(fetched, options), paths);
  if (file !== undefined) return { ...rest, dockerfile: decodeSourceFile(file.path, file.bytes) };
  throw new AppError("DOCKERFILE_NOT_FOUND", `no ${paths[0]} in the build context ${name}`, {
    hint: "Give the path of the Dockerfile in the context with -f; a path that begins with / is one of this machine.",
  });
}

/** A Dockerfile that is no part of the context; undefined where it is. */
async function dockerfileFrom(
  dockerfile: DockerfileInput | undefined,
  options: OpenOptions,
): Promise<SourceFile | undefined> {
  switch (dockerfile?.kind) {
    case undefined:
    case "inside":
      return undefined;
    case "file":
      return readSourceFile(dockerfile.path);
    case "stdin":
      return decodeSourceFile("stdin", readBlob(await options.keepStdin(), options));
    case "address":
      return fetchDockerfile(dockerfile.address, options);
  }
}

async function fetchDockerfile(address: Hidden<string>, options: OpenOptions): Promise<SourceFile> {
  const step = parseContextAddress(address);
  const name = redactUserinfo(address.reveal());
  if (step.kind === "git") {
    throw new AppError("USAGE_INVALID", `-f ${name} is a repository, expected the address of a file`, {
      hint: `To build with a Dockerfile of a repository, make it the context: manyarch build -f PATH ${name}.`,
    });
  }
  const file = await options.remote.file(step, options.work(name));
  return decodeSourceFile(name, readBlob(file, options));
}

/** Far more than any Dockerfile; what is larger was not meant to be one. */
const SIZE_LIMIT = 16 * 1024 * 1024;

function readBlob({ digest, size }: FileStep, { store }: SourceAccess): Uint8Array {
  if (size > SIZE_LIMIT) {
    throw new AppError("DOCKERFILE_TOO_LARGE", `the Dockerfile has ${size} bytes, expected at most ${SIZE_LIMIT}`, {
      hint: "Check that it is the file you meant.",
    });
  }
  const bytes = store.blobs.readBytes(digest, size);
  if (bytes !== undefined) return bytes;
  throw new AppError("BLOB_MISSING", `blob ${digest} is not in the store any more`, { retryable: true });
}
