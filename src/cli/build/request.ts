import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import type { BuildRequest, ImageOptions, Output, RequestNote } from "../../build/request.ts";
import { misplacedAnnotation } from "../../oci/annotation.ts";
import type { Platform } from "../../oci/platform.ts";
import { parseReference, withDefaultTag, type Reference } from "../../oci/reference.ts";
import { allowedRungs } from "../../sandbox/rung.ts";
import type { RungChoice } from "../../sandbox/rung.ts";
import { parseAnnotation } from "./annotation.ts";
import { parseBuildArgs, type ParsedBuildArgs } from "./build-args.ts";
import { ignoredFlags, refuseFlags } from "./ignored-flags.ts";
import { parseContext, parseNamedContext } from "./context.ts";
import { checkFormat } from "./image-options.ts";
import { parseOutput, type OutputDefaults } from "./output.ts";
import { parsePlatforms, targetsOf, unusedPlatformArgs } from "./platforms.ts";
import { parseAgent, parseSecret } from "./private.ts";
import { parseRegistries } from "./registries.ts";
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
  const platforms = parsePlatforms(flags.platform, process);
  const args = parseBuildArgs(flags.buildArg ?? [], process);
  const secrets = new Map((flags.secret ?? []).map((text) => parseSecret(text, process)));
  const image = parseImage(flags);
  const outputs = parseOutputs(flags, { tags, image, process }, platforms.length);
  return {
    ...parseContext(path, valueOf(flags.file), process),
    target: flags.target,
    platforms,
    ...args,
    labels: Object.fromEntries((flags.label ?? []).map(parseLabel)),
    contexts: new Map((flags.buildContext ?? []).map((text) => parseNamedContext(text, process))),
    secrets,
    agents: new Map((flags.ssh ?? []).map((text) => parseAgent(text, process))),
    tags: tags.map(withDefaultTag),
    outputs: checkAnnotations(outputs, platforms),
    metadataFile: absolute(flags.metadataFile, process),
    iidFile: absolute(flags.iidfile, process),
    checkPush: flags.skipPushPermissionCheck !== true,
    ...parseExecution(flags),
    notes: [
      ...ignoredFlags(flags),
      ...withoutOutput(outputs),
      ...missingSecrets(secrets),
      ...unusedPlatformArgs(args, platforms),
    ],
    image,
    epoch: parseEpoch(args),
    root: absolute(flags.root, process) ?? settings.root,
    registry: parseRegistries(flags, settings),
  };
}

/** How steps are executed. */
function parseExecution(
  flags: BuildFlags,
): Pick<
  BuildRequest,
  "cross" | "noCache" | "noCacheStages" | "runs" | "limits" | "hostCa" | "goCache" | "sandbox" | "parallelism"
> {
  const { cross, hostCa, goCache, noCache = false, noCacheFilter = [] } = flags;
  return {
    cross,
    hostCa,
    goCache,
    noCache,
    noCacheStages: noCacheFilter.flatMap((text) => text.split(",")).filter((name) => name !== ""),
    runs: parseRunSettings(flags),
    limits: parseRunLimits(flags),
    sandbox: parseRungs(flags),
    parallelism: parseJobs(flags.jobs),
  };
}

function parseTag(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw usage(`--tag ${text}: a digest cannot be chosen`, "leave out @sha256:...");
  return reference;
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
  return text === "" || text.includes("=") ? pair(text, "--label") : [text, ""];
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
  checkDestinations(outputs);
  return outputs;
}

/** Of two in one place the last would be left. */
function checkDestinations(outputs: readonly Output[]): void {
  const seen = new Set<string>();
  for (const output of outputs) {
    if (!("destination" in output)) continue;
    const { destination } = output;
    if (seen.has(destination)) {
      const place = destination === "-" ? "standard output" : destination;
      throw usage(`several outputs go to ${place}`, "give each a place of its own with dest=PATH");
    }
    seen.add(destination);
  }
}

function checkAnnotations(outputs: readonly Output[], platforms: readonly Platform[]): readonly Output[] {
  const targets = targetsOf(platforms);
  for (const output of outputs) {
    const wrong = "image" in output ? misplacedAnnotation(output.image.annotations, targets) : undefined;
    if (wrong !== undefined) throw usage(wrong, "leave it out, or change --platform");
  }
  return outputs;
}

/** SOURCE_DATE_EPOCH from --build-arg, else from the environment, where it is a number; `context` and names are the frontend's. */
function parseEpoch({ buildArgs }: ParsedBuildArgs): number | undefined {
  const text = buildArgs["SOURCE_DATE_EPOCH"];
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
  const jobs = /^\d+$/.test(text) ? Number(text) : 0;
  if (jobs < 1 || jobs > 1024)
    throw usage(`--jobs ${text}: expected a whole number from 1 to 1024`, "leave it out for one job a CPU");
  return jobs;
}

function absolute(path: string | undefined, { cwd }: ProcessContext): string | undefined {
  const text = valueOf(path);
  return text === undefined ? undefined : resolve(cwd, text);
}

/** An empty value is none, as where a variable of a CI job is not set. */
function valueOf(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
