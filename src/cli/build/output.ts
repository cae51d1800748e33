import { resolve } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import { csvFields } from "../../base/csv.ts";
import { parseBoolean } from "../../base/values.ts";
import type { ImageOptions, Output } from "../../build/request.ts";
import { parseReference, repositoryName, withDefaultTag, type Reference } from "../../oci/reference.ts";
import { imageOptions, IMAGE_OPTIONS, isImageOption } from "./image-options.ts";
import { usage } from "./usage.ts";

/** What outputs are made of beside their own text. */
export interface OutputDefaults {
  /** As `-t` has them: without the default tag. */
  readonly tags: readonly Reference[];
  readonly image: ImageOptions;
  /** Of `type=docker`, where the output does not say. */
  readonly archiveFormat: ImageOptions["format"];
  readonly process: ProcessContext;
}

/**
 * `type=oci,dest=out.tar` and the like, as docker buildx reads it: a path alone is `type=local`, `-`
 * alone is a tar on standard output.
 */
export function parseOutput(text: string, defaults: OutputDefaults, flag = `--output ${text}`): Output {
  const options = readOptions(text, flag);
  const type = options.get("type");
  if (type === undefined)
    throw usage(`${flag}: type is missing`, `write type=..., one of ${Object.keys(TYPES).join(", ")}`);
  const read = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (read === undefined) {
    throw usage(`${flag}: type ${type} is not known`, `known are ${Object.keys(TYPES).join(", ")}`);
  }
  return read({ flag, options, defaults });
}

interface Parts {
  readonly flag: string;
  readonly options: ReadonlyMap<string, string>;
  readonly defaults: OutputDefaults;
}

function readOptions(text: string, flag: string): ReadonlyMap<string, string> {
  const fields = csvFields(text);
  // A path may have an equals sign; one that reads as an option whose type was forgotten is none.
  if (fields.length === 1 && fields[0] === text && !/^(?:type|dest|name|push|tar|compression)=/i.test(text)) {
    return new Map([
      ["type", text === "-" ? "tar" : "local"],
      ["dest", text],
    ]);
  }
  const options = new Map<string, string>();
  for (const field of fields) {
    const at = field.indexOf("=");
    if (at <= 0) throw usage(`${flag}: expected name=value, found ${JSON.stringify(field)}`, "write type=...,dest=...");
    options.set(field.slice(0, at).trim().toLowerCase(), field.slice(at + 1));
  }
  return options;
}

const TYPES: Readonly<Record<string, (parts: Parts) => Output>> = {
  registry: (parts) => registryOutput(parts, true),
  image: (parts) => registryOutput(parts, flagOf(parts, "push") ?? false),
  oci: (parts) => {
    checkNames(parts, ["dest", "tar", ...IMAGE_OPTIONS]);
    const tar = flagOf(parts, "tar") ?? true;
    const destination = tar ? fileOf(parts) : directoryOf(parts);
    return { kind: "oci", ...imageOf(parts), destination, tar };
  },
  docker: (parts) => {
    checkNames(parts, ["dest", "tar", "context", ...IMAGE_OPTIONS]);
    if (flagOf(parts, "tar") === false)
      throw usage(`${parts.flag}: docker loads archives, no directories`, "write type=oci,tar=false for a directory");
    if (parts.options.has("context"))
      throw usage(
        `${parts.flag}: context is not supported`,
        "select the engine with DOCKER_CONTEXT or DOCKER_HOST instead",
      );
    const image = imageOf(parts, parts.defaults.archiveFormat);
    if ((parts.options.get("dest") ?? "") === "") return { kind: "load", ...image };
    return { kind: "docker", ...image, destination: fileOf(parts) };
  },
  local: (parts) => filesOutput(parts, "local"),
  tar: (parts) => filesOutput(parts, "tar"),
  cacheonly: (parts) => {
    checkNames(parts, []);
    return { kind: "cacheonly" };
  },
};

function registryOutput(parts: Parts, push: boolean): Output {
  checkNames(parts, ["push", "push-by-digest", "registry.insecure", ...STORE_OPTIONS, ...IMAGE_OPTIONS]);
  const { flag } = parts;
  if (!push)
    throw usage(`${flag}: there is no image store to keep it in`, "add push=true, or write type=oci,dest=image.tar");
  if (flagOf(parts, "registry.insecure") === true)
    throw usage(`${flag}: registry.insecure is not supported`, "write --plain-http HOST for a registry without TLS");
  const byDigest = flagOf(parts, "push-by-digest") ?? false;
  const names = namesOf(parts);
  if (names.length === 0) throw usage(`${flag} has no name to push to`, "add -t registry.example.com/name:tag");
  if (!byDigest) return { kind: "registry", ...imageOf(parts), byDigest };
  const tagged = names.find((name) => name.tag !== undefined);
  if (tagged !== undefined)
    throw usage(`${flag}: push-by-digest moves no tag, but ${tagged.tag} is one`, `write ${repositoryName(tagged)}`);
  return { kind: "registry", image: imageOf(parts).image, names, byDigest };
}

function filesOutput(parts: Parts, kind: "local" | "tar"): Output {
  checkNames(parts, ["dest", "platform-split", "attestation-prefix"]);
  const destination = kind === "local" ? directoryOf(parts) : fileOf(parts);
  return { kind, destination, split: flagOf(parts, "platform-split") };
}

function imageOf(
  parts: Parts,
  format?: ImageOptions["format"],
): { readonly image: ImageOptions; readonly names: readonly Reference[] } {
  const { flag, options, defaults } = parts;
  return { image: imageOptions(options, defaults.image, flag, format), names: namesOf(parts).map(withDefaultTag) };
}

/** `-t` counts before `name`, as docker buildx has it. */
function namesOf({ options, defaults }: Parts): readonly Reference[] {
  if (defaults.tags.length > 0) return defaults.tags;
  const names = options.get("name") ?? "";
  return names === "" ? [] : names.split(",").map((name) => parseReference(name.trim()));
}

function fileOf({ options, defaults: { process } }: Parts): string {
  const destination = options.get("dest") ?? "-";
  return destination === "-" || destination === "" ? "-" : resolve(process.cwd, destination);
}

function directoryOf({ flag, options, defaults: { process } }: Parts): string {
  const destination = options.get("dest") ?? "";
  if (destination === "") throw usage(`${flag}: dest is missing`, "add dest=DIRECTORY");
  if (destination === "-")
    throw usage(`${flag}: a directory cannot be written to standard output`, "write type=tar,dest=- for a tar");
  return resolve(process.cwd, destination);
}

/** Of a daemon's image store, which is not there: any value that means no more than that is fine. */
const STORE_OPTIONS = ["unpack", "store", "dangling-name-prefix", "danging-name-empty-only", "name-canonical"] as const;

function checkNames({ flag, options }: Parts, own: readonly string[]): void {
  const known = ["type", ...own];
  for (const name of options.keys()) {
    if (known.includes(name) || (own.includes("name") && isImageOption(name))) continue;
    throw usage(`${flag}: unknown option ${name}`, `known are ${known.join(", ")}`);
  }
}

function flagOf({ flag, options }: Parts, name: string): boolean | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const value = text === "" ? true : parseBoolean(text);
  if (value === undefined) throw usage(`${flag}: ${name} is true or false, found ${text}`, `write ${name}=true`);
  return value;
}
