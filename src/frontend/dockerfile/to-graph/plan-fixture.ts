import { AppError } from "../../../base/errors.ts";
import type { Step, StepId } from "../../../engine/types.ts";
import type { ImageConfig } from "../../../oci/config.ts";
import { digestOf } from "../../../oci/digest.ts";
import { formatPlatform, parsePlatform } from "../../../oci/platform.ts";
import type { Platform } from "../../../oci/platform.ts";
import { familiarReference } from "../../../oci/reference.ts";
import type { Reference } from "../../../oci/reference.ts";
import { planBuild } from "./plan.ts";
import type { DockerfilePlan, PlanDependencies, PlanRequest, ResolvedImage } from "./request.ts";

/** Base images for tests of planning: configs by name, and what was asked for. */
export class Images {
  readonly asked: string[] = [];
  readonly #configs: Readonly<Record<string, Partial<ImageConfig>>>;

  constructor(configs: Readonly<Record<string, Partial<ImageConfig>>> = {}) {
    this.#configs = configs;
  }

  resolveImage(reference: Reference, platform: Platform): Promise<ResolvedImage> {
    const name = familiarReference(reference);
    this.asked.push(`${name} ${formatPlatform(platform)}`);
    if (/typo|biuld|missing/.test(name))
      return Promise.reject(new AppError("REGISTRY_NOT_FOUND", `${name} is not there`));
    if (name.startsWith("unreachable"))
      return Promise.reject(new AppError("REGISTRY_UNREACHABLE", `${name} was not asked for`, { hint: "Check DNS." }));
    if (/only-amd64/.test(name) && platform.architecture !== "amd64")
      return Promise.reject(new AppError("MANIFEST_NO_PLATFORM", `${name} has no image for it`, { hint: "Choose." }));
    const config = { config: { Env: ["PATH=/bin"] }, ...platform, ...this.#configs[name] };
    const digest = digestOf(Buffer.from(`${name} ${formatPlatform(platform)}`));
    const descriptor = { mediaType: "application/vnd.oci.image.manifest.v1+json", digest, size: 1 };
    return Promise.resolve({ descriptor, layers: [descriptor], diffIds: [digest], config, platform: config });
  }
}

export type PlanOptions = Partial<Omit<PlanRequest, "platforms" | "dockerfile">> & {
  readonly platforms?: readonly string[];
  readonly images?: Images;
  readonly sourceTime?: NonNullable<PlanDependencies["sourceTime"]>;
};

/** Plans a Dockerfile on linux/amd64. */
export function plan(
  text: string,
  { platforms = ["linux/amd64"], images = new Images(), sourceTime, ...options }: PlanOptions = {},
): Promise<DockerfilePlan> {
  const request: PlanRequest = {
    dockerfile: { name: "Dockerfile", text },
    platforms: platforms.map((platform) => parsePlatform(platform)),
    buildPlatform: parsePlatform("linux/amd64"),
    buildArgs: {},
    labels: {},
    contextDirectory: "/src",
    ignore: [],
    signal: new AbortController().signal,
    ...options,
  };
  return planBuild(request, {
    resolveImage: (reference, platform) => images.resolveImage(reference, platform),
    ...(sourceTime && { sourceTime }),
  });
}

/** The steps of a plan, a line each, numbered in order. */
export function describeSteps({ graph }: DockerfilePlan): string {
  const numbers = new Map([...graph.steps.keys()].map((id, index): [StepId, number] => [id, index + 1]));
  const lines = [...graph.steps].map(([id, step]) => {
    const labels = graph.labels.get(id)!.map(({ stage, target }) => `${stage} ${formatPlatform(target)}`);
    return `${numbers.get(id)}: ${describeStep(step, numbers)} [${labels.join(", ")}]`;
  });
  return `\n${lines.join("\n")}\n`;
}

/** `created_by` of a target's history; what makes a layer begins with `+`. */
export function describeHistory({ targets }: DockerfilePlan): string {
  const lines = targets[0]!.history.map((item) => {
    if (item.kind === "base") return `base ${item.entry.created_by}`;
    return `${item.kind === "layer" ? "+" : " "} ${item.createdBy}`;
  });
  return `\n${lines.join("\n")}\n`;
}

function describeStep(step: Step, numbers: ReadonlyMap<StepId, number>): string {
  switch (step.kind) {
    case "image":
      return `image ${familiarReference(step.reference)} ${formatPlatform(step.platform)}`;
    case "scratch":
      return "scratch";
    case "context":
      return `context ${step.directory}`;
    case "file":
      return `file ${step.name} ${step.digest}`;
    case "http":
      return `http ${step.url} ${step.name}${step.checksum === undefined ? "" : ` ${step.checksum}`}`;
    case "git": {
      const flags = [
        step.ref ?? "",
        step.checksum && `checksum=${step.checksum}`,
        step.directory && `directory=${step.directory}`,
        step.byCommit && "by commit",
        step.submodules || "no submodules",
        step.keepGitDir && "with .git",
      ];
      return ["git", step.remote, ...flags.filter((flag) => flag !== true).filter(Boolean)].join(" ");
    }
    case "copy": {
      const flags = [
        step.intoDirectory && "into",
        step.owner && `owner=${step.owner}`,
        step.mode !== undefined && `mode=${step.mode.toString(8)}`,
        ...(step.more ?? []).map(
          (other) => `+${numbers.get(other.from)}:${other.paths.join(",")}${other.unpack ? " unpack" : ""}`,
        ),
      ];
      const from = numbers.get(step.from);
      return [
        "copy",
        `${numbers.get(step.base)}<${from}`,
        ...step.paths,
        "->",
        step.destination,
        ...flags.filter(Boolean),
      ].join(" ");
    }
    case "mkdir":
      return `mkdir ${numbers.get(step.base)} ${step.path}${step.owner === undefined ? "" : ` owner=${step.owner}`}`;
    case "run":
      return `run ${numbers.get(step.base)} ${JSON.stringify(step.argv)} env=${step.env.join(",")} cwd=${step.cwd} user=${step.user} ${step.network} ${formatPlatform(step.platform)}`;
  }
}
