import { statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import { Hidden } from "../../base/hidden.ts";
import type { BuildRequest, ContextInput, ContextSource, DockerfileInput } from "../../build/request.ts";
import { isAddress } from "../../frontend/context/address.ts";
import { pair, usage } from "./usage.ts";

/** PATH, URL or `-`, and -f, as docker reads them. */
export function parseContext(
  path: string | undefined,
  file: string | undefined,
  process: ProcessContext,
): Pick<BuildRequest, "context" | "dockerfile"> {
  const context: ContextInput = path === "-" ? { kind: "stdin" } : parsePlace(path ?? ".", process.cwd);
  return { context, dockerfile: file === undefined ? undefined : parseFile(file, context, process) };
}

/** What is called like an address and is there is a directory, as with docker. */
function parsePlace(path: string, cwd: string): Place {
  const directory = resolve(cwd, path);
  const isRemote = isAddress(path, true) && statSync(directory, { throwIfNoEntry: false }) === undefined;
  return isRemote ? { kind: "address", address: new Hidden(path) } : { kind: "directory", directory };
}

type Place = ContextInput & ContextSource;

function parseFile(file: string, context: ContextInput, { cwd }: ProcessContext): DockerfileInput {
  if (file === "-") return { kind: "stdin" };
  if (isAddress(file)) return { kind: "address", address: new Hidden(file) };
  if (context.kind === "directory" || isAbsolute(file)) return { kind: "file", path: resolve(cwd, file) };
  return { kind: "inside", path: file };
}

/** `name=PATH`, an image, a layout, a stage or an address. */
export function parseNamedContext(
  text: string,
  { cwd }: ProcessContext,
): readonly [name: string, source: ContextSource] {
  const [key, value] = pair(text, "--build-context");
  const name = key.toLowerCase();
  const [, scheme = "", rest = ""] = /^(docker-image|oci-layout|target):(?:\/\/)?(.+)$/.exec(value) ?? [];
  switch (scheme) {
    case "docker-image":
      return [name, { kind: "image", name: rest }];
    case "oci-layout":
      return [name, { kind: "layout", ...parseLayout(rest, cwd) }];
    case "target":
      return [name, { kind: "stage", name: rest }];
  }
  if (isAddress(value) || (value !== "" && !/^[a-z-]+:\/\//.test(value))) return [name, parsePlace(value, cwd)];
  throw usage(
    `--build-context ${text}: expected a directory, an image, a layout, a stage or an address`,
    `write ${key}=PATH, ${key}=docker-image://IMAGE, ${key}=oci-layout://PATH:TAG, ${key}=target:STAGE or ${key}=https://…`,
  );
}

/** `PATH`, `PATH:TAG` or `PATH@DIGEST`. */
function parseLayout(text: string, cwd: string): Omit<ContextSource & { readonly kind: "layout" }, "kind"> {
  const digest = /^(.+)@(sha\d+:[0-9a-f]+)$/.exec(text);
  if (digest !== null) return { directory: resolve(cwd, digest[1] ?? ""), digest: digest[2] };
  const tag = /^(.+):([A-Za-z0-9_][A-Za-z0-9._-]*)$/.exec(text);
  if (tag !== null) return { directory: resolve(cwd, tag[1] ?? ""), tag: tag[2] };
  return { directory: resolve(cwd, text) };
}
