import type { EventSink } from "../engine/events.ts";
import type { Work } from "../engine/remote-sources.ts";
import type { BuildPlan, StepId, TargetStage } from "../engine/types.ts";
import { Linter } from "../frontend/dockerfile/lint/linter.ts";
import { notesOf } from "../frontend/dockerfile/lint/notes.ts";
import { openDirectory } from "../frontend/context/directory.ts";
import { planBuild } from "../frontend/dockerfile/to-graph/plan.ts";
import type {
  DockerfilePlan,
  NamedContext,
  PlanDependencies,
  PlanRequest,
} from "../frontend/dockerfile/to-graph/request.ts";
import { formatPlatform, hostPlatform, type Platform } from "../oci/platform.ts";
import type { OpenedContext } from "./context/open.ts";
import { withoutStore } from "./context/own-store.ts";
import type { SourceAccess } from "./context/sources.ts";
import type { Remote } from "./remote/sources.ts";
import type { BuildRequest, RequestNote } from "./request.ts";
import type { Workshop } from "./workshop.ts";

export interface PlannedBuild extends BuildPlan {
  /** Steps that are executed whatever is known of them. */
  readonly forced: ReadonlySet<StepId>;
  /** The Dockerfile's name as the user knows it. */
  readonly dockerfile: string;
  /** Tells builds that share a store apart, so that a miss is compared with the last build of the same thing. */
  readonly scope: string;
  /** What fetched the context, and fetches the rest. */
  readonly remote: Remote;
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
  const remote = workshop.remote(workshop.signal, emit);
  const access = { store: workshop.store, remote, signal: workshop.signal, work: fetchNotes(emit) };
  const context = openPlain(request) ?? (await openOther(request, access, workshop));
  const { name } = context.dockerfile;
  const platforms = request.platforms.length > 0 ? request.platforms : [hostPlatform()];
  // Before registries are asked, which may take a while.
  emit({ kind: "build.started", platforms: platforms.map(formatPlatform), dockerfile: name });
  for (const note of request.notes) emit({ kind: "note", level: "warning", ...note });
  const linter = new Linter();
  // What was found before a failure may be its reason.
  const tellFindings = (): void => {
    for (const note of notesOf(linter.findings)) emit({ kind: "note", level: "warning", ...note });
  };
  const asked = await toPlanRequest(request, context, platforms, workshop);
  const plan = await planner(asked, lookUps(request, context, access, workshop), linter).finally(tellFindings);
  for (const advice of plan.advice) emit({ kind: "note", level: "info", ...advice });
  for (const note of uselessFlags(request, plan)) emit({ kind: "note", level: "warning", ...note });
  return { ...plan, dockerfile: name, scope: `${context.name}|${name}`, remote, epoch: plan.sourceDateEpoch };
}

async function toPlanRequest(
  request: BuildRequest,
  context: OpenedContext,
  platforms: readonly Platform[],
  { signal, uncrossed, store }: Workshop,
): Promise<PlanRequest> {
  const { target, buildArgs, platformArgs, runs, noCacheStages, labels, cross } = request;
  return {
    dockerfile: context.dockerfile,
    target,
    platforms,
    impliedPlatform: request.platforms.length === 0,
    buildPlatform: hostPlatform(),
    buildArgs,
    platformArgs,
    runs,
    noCacheStages,
    labels,
    contextDirectory: context.directory,
    contextFiles: context.files,
    ignore: context.directory === "" ? [] : withoutStore(context.directory, context.ignore, store.root),
    contexts: await namedContexts(request, store.root),
    sourceDateEpoch: request.epoch,
    cross: cross === "off" ? undefined : { mode: cross, excluded: uncrossed },
    signal,
  };
}

/** What a plan may ask of the world: base images, and the time of what is at an address. */
function lookUps(
  { contexts }: BuildRequest,
  { fetched: ofContext }: OpenedContext,
  access: SourceAccess,
  { images }: Workshop,
): PlanDependencies {
  return {
    resolveImage: (...image) => images.resolve(...image),
    sourceTime: async (source) => {
      const { fetchTimed, timeOf } = await import("./context/source-time.ts");
      const fetched = await fetchTimed(source, contexts, ofContext, access);
      return fetched === undefined ? undefined : timeOf(fetched, access);
    },
  };
}

/** Flags that name what the Dockerfile has not. */
function uselessFlags(
  { noCacheStages }: BuildRequest,
  { unusedArgs, targets }: DockerfilePlan,
): readonly RequestNote[] {
  const stages = targets.flatMap((target) => target.stages);
  const names = new Set(stages.flatMap(({ name, index }) => [name, String(index), `stage-${index}`]));
  const unknown = noCacheStages.filter((name) => !names.has(name.toLowerCase()));
  return [
    ...(unusedArgs.length > 0 ? [unusedNote(unusedArgs)] : []),
    ...(unknown.length > 0 ? [unfilteredNote(unknown, stages)] : []),
  ];
}

function unusedNote(names: readonly string[]): RequestNote {
  return {
    code: "BUILD_ARG_UNUSED",
    message: `--build-arg ${names.join(", ")}: no ARG declares ${names.length === 1 ? "it" : "them"}`,
    hint: `check the spelling, or write ARG ${names[0]} in the stage that uses it`,
  };
}

function unfilteredNote(names: readonly string[], stages: readonly TargetStage[]): RequestNote {
  return {
    code: "NO_CACHE_FILTER_UNUSED",
    message: `--no-cache-filter ${names.join(", ")}: no stage of this build has ${names.length === 1 ? "that name" : "these names"}`,
    hint: `the stages are ${[...new Set(stages.map(({ name }) => name))].join(", ")}`,
  };
}

/** What most builds have: a directory, and a Dockerfile in it or beside it. Nothing is loaded for it. */
function openPlain({ context, dockerfile }: BuildRequest): OpenedContext | undefined {
  if (context.kind !== "directory" || (dockerfile !== undefined && dockerfile.kind !== "file")) return undefined;
  return { ...openDirectory(context.directory, dockerfile?.path), name: context.directory };
}

async function namedContexts({ contexts }: BuildRequest, root: string): Promise<ReadonlyMap<string, NamedContext>> {
  if (contexts.size === 0) return new Map();
  const { openNamed } = await import("./context/named.ts");
  return new Map([...contexts].map(([name, source]) => [name, openNamed(name, source, root)]));
}

async function openOther(request: BuildRequest, access: SourceAccess, workshop: Workshop): Promise<OpenedContext> {
  const { openContext } = await import("./context/open.ts");
  return openContext(request, { ...access, keepStdin: workshop.keepStdin });
}

/** Nothing else tells of it: steps are shown only when they are planned. */
function fetchNotes(emit: EventSink): (what: string) => Work {
  return (what) => (reason, body) => {
    const message = `fetching the build context ${what}: ${reason}`;
    emit({ kind: "note", level: "info", code: "CONTEXT_FETCH", message });
    return body();
  };
}
