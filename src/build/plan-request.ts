import type { EventSink } from "../engine/events.ts";
import type { Work } from "../engine/remote-sources.ts";
import type { BuildPlan, StepId } from "../engine/types.ts";
import { Linter } from "../frontend/dockerfile/lint/linter.ts";
import { notesOf } from "../frontend/dockerfile/lint/notes.ts";
import { openDirectory } from "../frontend/context/directory.ts";
import { planBuild } from "../frontend/dockerfile/to-graph/plan.ts";
import type { NamedContext } from "../frontend/dockerfile/to-graph/request.ts";
import { formatPlatform, hostPlatform } from "../oci/platform.ts";
import type { OpenedContext } from "./context/open.ts";
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
  const buildPlatform = hostPlatform();
  const platforms = request.platforms.length > 0 ? request.platforms : [buildPlatform];
  // Before registries are asked, which may take a while.
  emit({ kind: "build.started", platforms: platforms.map(formatPlatform), dockerfile: name });
  for (const note of request.notes) emit({ kind: "note", level: "warning", ...note });
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
      impliedPlatform: request.platforms.length === 0,
      buildPlatform,
      buildArgs: request.buildArgs,
      platformArgs: request.platformArgs,
      runs: request.runs,
      noCacheStages: request.noCacheStages,
      labels: request.labels,
      contextDirectory: context.directory,
      contextFiles: context.files,
      ignore: context.ignore,
      contexts: await namedContexts(request),
      sourceDateEpoch: request.epoch,
      cross: request.cross === "off" ? undefined : { mode: request.cross, excluded: workshop.uncrossed },
      signal: workshop.signal,
    },
    {
      resolveImage: (...image) => workshop.images.resolve(...image),
      sourceTime: async (source) => {
        const { fetchTimed, timeOf } = await import("./context/source-time.ts");
        const fetched = await fetchTimed(source, request.contexts, context.fetched, access);
        return fetched === undefined ? undefined : timeOf(fetched, access);
      },
    },
    linter,
  ).finally(tellFindings);
  for (const advice of plan.advice) emit({ kind: "note", level: "info", ...advice });
  if (plan.unusedArgs.length > 0) emit({ kind: "note", level: "warning", ...unusedNote(plan.unusedArgs) });
  return { ...plan, dockerfile: name, scope: `${context.name}|${name}`, remote, epoch: plan.sourceDateEpoch };
}

function unusedNote(names: readonly string[]): RequestNote {
  return {
    code: "BUILD_ARG_UNUSED",
    message: `--build-arg ${names.join(", ")}: no ARG declares ${names.length === 1 ? "it" : "them"}`,
    hint: `check the spelling, or write ARG ${names[0]} in the stage that uses it`,
  };
}

/** What most builds have: a directory, and a Dockerfile in it or beside it. Nothing is loaded for it. */
function openPlain({ context, dockerfile }: BuildRequest): OpenedContext | undefined {
  if (context.kind !== "directory" || (dockerfile !== undefined && dockerfile.kind !== "file")) return undefined;
  return { ...openDirectory(context.directory, dockerfile?.path), name: context.directory };
}

async function namedContexts({ contexts }: BuildRequest): Promise<ReadonlyMap<string, NamedContext>> {
  if (contexts.size === 0) return new Map();
  const { openNamed } = await import("./context/named.ts");
  return new Map([...contexts].map(([name, source]) => [name, openNamed(name, source)]));
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
