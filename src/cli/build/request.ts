import { statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import { AppError } from "../../base/errors.ts";
import type { BuildRequest, ImageOptions, Output, RequestNote } from "../../build/request.ts";
import { misplacedAnnotation } from "../../oci/annotation.ts";
import { isKnownArchitecture, isKnownOs } from "../../oci/platform-names.ts";
import { hostPlatform, parsePlatform, platformsEqual, type Platform } from "../../oci/platform.ts";
import { parseReference, withDefaultTag, type Reference } from "../../oci/reference.ts";
import { parseMirrors } from "../../registry/mirrors.ts";
import { allowedRungs } from "../../sandbox/rung.ts";
import type { RungChoice } from "../../sandbox/rung.ts";
import { parseAnnotation } from "./annotation.ts";
import { parseBuildArgs } from "./build-args.ts";
import { ignoredFlags, refuseFlags } from "./ignored-flags.ts";
import { parseContext, parseNamedContext } from "./context.ts";
import { checkFormat } from "./image-options.ts";
import { parseOutput, type OutputDefaults } from "./output.ts";
import { parseAgent, parseSecret } from "./private.ts";
import { parseRunLimits } from "./run-limits.ts";
import { parseRunSettings } from "./run-settings.ts";
import { pair, usage } from "./usage.ts";
import type { Settings } from "../settings.ts";
import type { BuildFlags } from "./spec.ts";

/** Flags, environment and settings as one request; every mistake in them is found here. */
export function toRequest(
  flags: BuildFlags,
  path: string | undefined,
  settings: Settings,
  process: ProcessContext,
): BuildRequest {
  refuseFlags(flags);
  const tags = (flags.tag ?? []).map(parseTag);
  const platforms = parsePlatforms(flags.platform ?? list(process.env["DOCKER_DEFAULT_PLATFORM"]));
  const secrets = new Map((flags.secret ?? []).map((text) => parseSecret(text, process)));
  const image = parseImage(flags);
  const outputs = parseOutputs(flags, { tags, image, process }, platforms.length);
  return {
    ...parseContext(path, flags.file, process),
    target: flags.target,
    platforms,
    ...parseBuildArgs(flags.buildArg ?? [], process),
    labels: Object.fromEntries((flags.label ?? []).map(parseLabel)),
    contexts: new Map((flags.buildContext ?? []).map((text) => parseNamedContext(text, process))),
    secrets,
    agents: new Map((flags.ssh ?? []).map((text) => parseAgent(text, process))),
    tags: tags.map(withDefaultTag),
    outputs: checkAnnotations(outputs, platforms),
    metadataFile: absolute(flags.metadataFile, process),
    iidFile: absolute(flags.iidfile, process),
    cross: flags.cross,
    noCache: flags.noCache ?? false,
    checkPush: flags.skipPushPermissionCheck !== true,
    noCacheStages: (flags.noCacheFilter ?? []).flatMap((text) => text.split(",")).filter((name) => name !== ""),
    runs: parseRunSettings(flags),
    limits: parseRunLimits(flags),
    notes: [...ignoredFlags(flags), ...withoutOutput(outputs), ...missingSecrets(secrets)],
    hostCa: flags.hostCa,
    goCache: flags.goCache,
    sandbox: parseRungs(flags),
    image,
    epoch: parseEpoch(flags, process),
    parallelism: parseJobs(flags.jobs),
    root: flags.root === undefined ? settings.root : resolve(process.cwd, flags.root),
    registry: {
      mirrors: parseMirrors([...(flags.registryMirror ?? []), ...settings.mirrors]),
      plainHttp: [...settings.plainHttp, ...(flags.plainHttp ?? [])],
    },
  };
}

function list(text: string | undefined): readonly string[] {
  return text === undefined || text === "" ? [] : [text];
}

function parseTag(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw usage(`--tag ${text}: a digest cannot be chosen`, "leave out @sha256:...");
  return reference;
}

function parsePlatforms(texts: readonly string[]): readonly Platform[] {
  const platforms: Platform[] = [];
  for (const text of texts.flatMap((item) => item.split(","))) {
    if (text.trim() === "")
      throw usage(`--platform ${texts.join(" ")}: expected platforms, found nothing around a comma`, "leave it out");
    const platform = checkKnown(text.trim() === "local" ? hostPlatform() : parsePlatform(text.trim()), text);
    if (!platforms.some((other) => platformsEqual(other, platform))) platforms.push(platform);
  }
  return platforms;
}

/** One that is named and lower than the lowest that may be used would be neither. */
function parseRungs({ sandbox: forced, minSandbox: lowest }: BuildFlags): RungChoice {
  if (forced !== undefined && !allowedRungs({ lowest }).includes(forced)) {
    throw usage(
      `--sandbox=${forced} is a lower rung than --min-sandbox=${lowest} allows`,
      `leave out one of the two, or write --min-sandbox=${forced}`,
    );
  }
  return { forced, lowest };
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

/** As buildx warns where nothing will be left but its cache. */
function withoutOutput(outputs: readonly Output[]): readonly RequestNote[] {
  if (outputs.length > 0) return [];
  return [
    {
      code: "OUTPUT_NONE",
      message: "no output was asked for: the result stays in the store",
      hint: "add --push, --load or -o PATH; -o type=cacheonly says that this is meant",
    },
  ];
}

/** A RUN that asks for it fails; where none does, nobody else would tell of the slip. */
function missingSecrets(secrets: BuildRequest["secrets"]): readonly RequestNote[] {
  return [...secrets].flatMap(([id, source]) =>
    source.kind === "file" && statSync(source.path, { throwIfNoEntry: false }) === undefined
      ? {
          code: "SECRET_MISSING",
          message: `--secret id=${id}: ${source.path} does not exist`,
          hint: "name a file that is there with --secret id=ID,src=FILE, relative to the working directory",
        }
      : [],
  );
}

/** Docker takes a label without a value for an empty one. */
function parseLabel(text: string): readonly [name: string, value: string] {
  return text.includes("=") ? pair(text, "--label") : pair(`${text}=`, "--label");
}

function parseImage(flags: BuildFlags): ImageOptions {
  const annotations = (flags.annotation ?? []).flatMap(parseAnnotation);
  const { compression, format = "oci" } = flags;
  return checkFormat(
    { compression, level: undefined, forceCompression: false, format, rewriteTimestamp: true, annotations },
    `--format ${format}`,
  );
}

function parseOutputs(
  flags: BuildFlags,
  given: Omit<OutputDefaults, "archiveFormat">,
  platforms: number,
): readonly Output[] {
  // An index for docker's containerd store is OCI's, as docker buildx sends it.
  const defaults: OutputDefaults = { ...given, archiveFormat: flags.format ?? (platforms > 1 ? "oci" : "docker") };
  const outputs = (flags.output ?? []).filter((text) => text !== "").map((text) => parseOutput(text, defaults));
  const has = (kind: Output["kind"]): boolean => outputs.some((output) => output.kind === kind);
  if (flags.push === true && !has("registry")) outputs.push(parseOutput("type=registry", defaults, "--push"));
  if (flags.load === true && !has("load")) outputs.push(parseOutput("type=docker", defaults, "--load"));
  if (platforms > 1 && has("docker"))
    throw usage("type=docker: an archive for docker holds one platform", "write type=oci for several");
  const piped = outputs.filter((output) => "destination" in output && output.destination === "-");
  if (piped.length > 1)
    throw usage("several outputs go to standard output", "give all of them but one a file with dest=PATH");
  return outputs;
}

function checkAnnotations(outputs: readonly Output[], platforms: readonly Platform[]): readonly Output[] {
  const targets = platforms.length > 0 ? platforms : [hostPlatform()];
  for (const output of outputs) {
    const wrong = "image" in output ? misplacedAnnotation(output.image.annotations, targets) : undefined;
    if (wrong !== undefined) throw usage(wrong, "leave it out, or change --platform");
  }
  return outputs;
}

/** SOURCE_DATE_EPOCH from --build-arg, else from the environment, where it is a number; `context` and names are the frontend's. */
function parseEpoch(flags: BuildFlags, process: ProcessContext): number | undefined {
  const text = parseBuildArgs(flags.buildArg ?? [], process).buildArgs["SOURCE_DATE_EPOCH"];
  if (text === undefined || text === "" || /^[a-z][a-z0-9._-]*$/i.test(text)) return undefined;
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

function absolute(path: string | undefined, { cwd }: ProcessContext): string | undefined {
  return path === undefined || isAbsolute(path) ? path : resolve(cwd, path);
}
