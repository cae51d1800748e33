import { isAbsolute, resolve } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import { AppError } from "../../base/errors.ts";
import type { BuildRequest, ContextSource, Output } from "../../build/request.ts";
import { isKnownArchitecture, isKnownOs } from "../../oci/platform-names.ts";
import { parsePlatform, platformsEqual, type Platform } from "../../oci/platform.ts";
import { parseReference, withDefaultTag, type Reference } from "../../oci/reference.ts";
import { parseMirrors } from "../../registry/mirrors.ts";
import { parseAgent, parseSecret } from "./private.ts";
import type { Settings } from "../settings.ts";
import type { BuildFlags } from "./spec.ts";

/** Flags, environment and settings as one request; every mistake in them is found here. */
export function toRequest(
  flags: BuildFlags,
  path: string | undefined,
  settings: Settings,
  process: ProcessContext,
): BuildRequest {
  const tags = (flags.tag ?? []).map(parseTag);
  return {
    context: resolve(process.cwd, contextPath(path)),
    dockerfile: flags.file === undefined ? undefined : resolve(process.cwd, flags.file),
    target: flags.target,
    platforms: parsePlatforms(flags.platform ?? []),
    buildArgs: parseBuildArgs(flags.buildArg ?? [], process),
    labels: Object.fromEntries((flags.label ?? []).map((text) => pair(text, "--label"))),
    contexts: new Map((flags.buildContext ?? []).map((text) => parseNamedContext(text, process))),
    secrets: new Map((flags.secret ?? []).map((text) => parseSecret(text, process))),
    agents: new Map((flags.ssh ?? []).map((text) => parseAgent(text, process))),
    tags,
    outputs: parseOutputs(flags, tags, process),
    metadataFile: absolute(flags.metadataFile, process),
    iidFile: absolute(flags.iidfile, process),
    noCache: flags.noCache ?? false,
    hostCa: flags.hostCa,
    goCache: flags.goCache,
    compression: flags.compression,
    format: flags.format,
    epoch: parseEpoch(flags, process),
    parallelism: parseJobs(flags.jobs),
    root: flags.root === undefined ? settings.root : resolve(process.cwd, flags.root),
    registry: {
      mirrors: parseMirrors([...(flags.registryMirror ?? []), ...settings.mirrors]),
      plainHttp: [...settings.plainHttp, ...(flags.plainHttp ?? [])],
    },
  };
}

function contextPath(path: string | undefined): string {
  if (path === undefined) return ".";
  if (path === "-" || /^(https?|git|ssh):\/\/|^git@/.test(path)) {
    throw usage(`build context ${path}: only a directory can be a build context so far`, "give a directory, such as .");
  }
  return path;
}

function parseNamedContext(text: string, { cwd }: ProcessContext): readonly [name: string, source: ContextSource] {
  const [name, value] = pair(text, "--build-context");
  const image = /^docker-image:\/\/(.+)$/.exec(value)?.[1];
  if (image !== undefined) return [name.toLowerCase(), { kind: "image", name: image }];
  if (value !== "" && !/^[a-z-]+:|^git@/.test(value))
    return [name.toLowerCase(), { kind: "directory", directory: resolve(cwd, value) }];
  throw usage(
    `--build-context ${text}: only a directory or an image can be a context so far`,
    `write --build-context ${name}=PATH or ${name}=docker-image://IMAGE`,
  );
}

function parseTag(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw usage(`--tag ${text}: a digest cannot be chosen`, "leave out @sha256:...");
  return withDefaultTag(reference);
}

function parsePlatforms(texts: readonly string[]): readonly Platform[] {
  const platforms: Platform[] = [];
  for (const text of texts.flatMap((item) => item.split(","))) {
    const platform = checkKnown(parsePlatform(text.trim()), text);
    if (!platforms.some((other) => platformsEqual(other, platform))) platforms.push(platform);
  }
  return platforms;
}

/** A base image may be for anything; what is asked for by hand and known to nobody is a slip of the keyboard. */
function checkKnown(platform: Platform, text: string): Platform {
  if (!isKnownOs(platform.os)) {
    throw new AppError("PLATFORM_INVALID", `--platform ${text}: ${platform.os} is no operating system that is known`, {
      hint: "write linux/amd64, linux/arm64 or the like",
    });
  }
  if (isKnownArchitecture(platform.architecture)) return platform;
  throw new AppError(
    "PLATFORM_INVALID",
    `--platform ${text}: ${platform.architecture} is no architecture that is known`,
    {
      hint: "known are amd64, arm64, arm/v7, arm/v6, 386, riscv64, s390x, ppc64le and the rest of Go's list",
    },
  );
}

/** `NAME=value`, or `NAME` alone to take the value from the environment, as docker does. */
function parseBuildArgs(texts: readonly string[], { env }: ProcessContext): Record<string, string> {
  const args: Record<string, string> = {};
  // docker buildx forwards this one: https://reproducible-builds.org/specs/source-date-epoch/
  if (env["SOURCE_DATE_EPOCH"]) args["SOURCE_DATE_EPOCH"] = env["SOURCE_DATE_EPOCH"];
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at === 0 || text === "")
      throw usage(`--build-arg ${text}: expected name=value`, "write --build-arg VERSION=1.2.3");
    const name = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? env[name] : text.slice(at + 1);
    if (value !== undefined) args[name] = value;
  }
  return args;
}

function parseOutputs(flags: BuildFlags, tags: readonly Reference[], process: ProcessContext): readonly Output[] {
  const outputs = (flags.output ?? []).map((text) => parseOutput(text, process));
  if (flags.push === true && !outputs.some((output) => output.kind === "registry")) outputs.push({ kind: "registry" });
  if (outputs.some((output) => output.kind === "registry") && tags.length === 0) {
    throw usage("--push has no name to push to", "add -t registry.example.com/name:tag");
  }
  return outputs;
}

const OUTPUT_OPTIONS: ReadonlyMap<string, readonly string[]> = new Map([
  ["registry", ["type"]],
  ["image", ["type", "push"]],
  ["oci", ["type", "dest", "tar"]],
  ["local", ["type", "dest"]],
]);

/** `type=oci,dest=out.tar`, or a path alone, which is `type=local` as in docker buildx. */
function parseOutput(text: string, process: ProcessContext): Output {
  const options = new Map<string, string>();
  if (!text.includes("=")) options.set("type", "local").set("dest", text);
  else for (const part of text.split(",")) options.set(...pair(part, "--output"));
  const type = options.get("type");
  const destination = options.get("dest");
  const known = OUTPUT_OPTIONS.get(type ?? "");
  if (known === undefined)
    throw usage(
      `--output ${text}: type ${type ?? "(none)"} is not known`,
      `known are ${[...OUTPUT_OPTIONS.keys()].join(", ")}`,
    );
  for (const name of options.keys())
    if (!known.includes(name)) throw usage(`--output ${text}: unknown option ${name}`, `known are ${known.join(", ")}`);
  switch (type) {
    case "registry":
      return { kind: "registry" };
    case "image":
      if (options.get("push") === "true") return { kind: "registry" };
      throw usage(
        `--output ${text}: there is no image store to keep it in`,
        "add push=true, or write type=oci,dest=image.tar",
      );
    case "oci":
      if (destination === undefined) throw usage(`--output ${text}: dest is missing`, "write type=oci,dest=image.tar");
      return {
        kind: "oci",
        destination: destination === "-" ? "-" : resolve(process.cwd, destination),
        tar: options.get("tar") !== "false",
      };
    default:
      if (destination === undefined) throw usage(`--output ${text}: dest is missing`, "write type=local,dest=out");
      return { kind: "local", destination: resolve(process.cwd, destination) };
  }
}

/** SOURCE_DATE_EPOCH from --build-arg, else from the environment. */
function parseEpoch(flags: BuildFlags, process: ProcessContext): number | undefined {
  const text = parseBuildArgs(flags.buildArg ?? [], process)["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,12}$/.test(text))
    throw usage(
      `SOURCE_DATE_EPOCH=${text}: expected seconds since 1970, a whole number`,
      "try SOURCE_DATE_EPOCH=$(git log -1 --pretty=%ct)",
    );
  return Number(text);
}

function parseJobs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const jobs = Number(text);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 1024)
    throw usage(`--jobs ${text}: expected a whole number from 1 to 1024`, "leave it out for one job a CPU");
  return jobs;
}

function pair(text: string, flag: string): [string, string] {
  const at = text.indexOf("=");
  if (at <= 0) throw usage(`${flag} ${text}: expected name=value`, `write ${flag} name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function absolute(path: string | undefined, { cwd }: ProcessContext): string | undefined {
  return path === undefined || isAbsolute(path) ? path : resolve(cwd, path);
}

function usage(message: string, hint: string): AppError {
  return new AppError("USAGE_INVALID", message, { hint });
}
