import type { EventSink } from "../engine/events.ts";
import type { BuildPlan, StepId } from "../engine/types.ts";
import { openDirectory, openNamedDirectory } from "../frontend/context/directory.ts";
import { Linter } from "../frontend/dockerfile/lint/linter.ts";
import { notesOf } from "../frontend/dockerfile/lint/notes.ts";
import { planBuild } from "../frontend/dockerfile/to-graph/plan.ts";
import type { NamedContext } from "../frontend/dockerfile/to-graph/request.ts";
import { formatPlatform, hostPlatform } from "../oci/platform.ts";
import type { BuildRequest, ContextSource } from "./request.ts";
import type { Workshop } from "./workshop.ts";

export interface PlannedBuild extends BuildPlan {
  /** Steps that are executed whatever is known of them. */
  readonly forced: ReadonlySet<StepId>;
  /** The Dockerfile's name as the user knows it. */
  readonly dockerfile: string;
  /** Tells builds that share a store apart, so that a miss is compared with the last build of the same thing. */
  readonly scope: string;
  /** Seconds since the epoch: from the request, else from the Dockerfile's global ARG SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
}

/** Reads the context's Dockerfile and plans it for every platform; findings become notes. */
export async function planRequest(
  workshop: Workshop,
  request: BuildRequest,
  emit: EventSink,
  planner: typeof planBuild = planBuild,
): Promise<PlannedBuild> {
  const context = openDirectory(request.context, request.dockerfile);
  const { name } = context.dockerfile;
  const buildPlatform = hostPlatform();
  const platforms = request.platforms.length > 0 ? request.platforms : [buildPlatform];
  for (const note of request.notes) emit({ kind: "note", level: "warning", ...note });
  // Before registries are asked, which may take a while.
  emit({ kind: "build.started", platforms: platforms.map(formatPlatform), dockerfile: name });
  const linter = new Linter();
  // What was found before a failure may be its reason.
  const tellFindings = (): void => {
    for (const note of notesOf(linter.findings)) emit({ kind: "note", level: "warning", ...note });
  };
  const plan = await planner(
    {
      dockerfile: context.dockerfile,
      target: request.target,
      platforms,
      buildPlatform,
      buildArgs: request.buildArgs,
      platformArgs: request.platformArgs,
      runs: request.runs,
      noCacheStages: request.noCacheStages,
      labels: request.labels,
      contextDirectory: context.directory,
      ignore: context.ignore,
      contexts: new Map([...request.contexts].map(([key, source]) => [key, openContext(source)])),
      sourceDateEpoch: request.epoch,
      cross: request.cross === "off" ? undefined : { mode: request.cross, excluded: workshop.uncrossed },
      signal: workshop.signal,
    },
    { resolveImage: (reference, platform, signal) => workshop.images.resolve(reference, platform, signal) },
    linter,
  ).finally(tellFindings);
  for (const advice of plan.advice) emit({ kind: "note", level: "info", ...advice });
  return { ...plan, dockerfile: name, scope: `${context.directory}|${name}`, epoch: plan.sourceDateEpoch };
}

function openContext(source: ContextSource): NamedContext {
  return source.kind === "image" ? source : { kind: "directory", ...openNamedDirectory(source.directory) };
}
