import { createHash } from "node:crypto";
import { AppError, messageOf } from "../base/errors.ts";
import type { ProcessContext } from "../base/context.ts";
import type { OnTransfer } from "../base/transfer.ts";
import { Engine } from "../engine/engine.ts";
import type { BuildEventBody, EventSink } from "../engine/events.ts";
import { StepReporter } from "../engine/reporter.ts";
import type { EngineOptions } from "../engine/options.ts";
import type { StepMount } from "../engine/types.ts";
import { Results } from "../engine/results.ts";
import { SlotBook } from "../engine/why.ts";
import type { Document, Image } from "../output/image.ts";
import type { LoadEngine } from "../output/load.ts";
import { rootDocument } from "../output/registry.ts";
import { emulationNotes, emulatorOf, needsOwnNamespace, groundOf, needsTracer, strategiesOf } from "./emulation.ts";
import { planStages } from "../plan/stages.ts";
import { refusalOf } from "../plan/refusal.ts";
import type { Strategies } from "../plan/strategies.ts";
import { usesGoCache } from "../sandbox/go-cache.ts";
import { isLostBlob } from "../store/blobs.ts";
import type { Store } from "../store/store.ts";
import type { Worker } from "../worker/spawn.ts";
import type { LayerFetcher } from "./fetch-layer.ts";
import { mainPacking, makeImages } from "./images.ts";
import { withCrossing } from "./crossing.ts";
import { notesOnce } from "./notes-once.ts";
import { checkOutputs, writeOutputs } from "./outputs.ts";
import type { BuildRequest } from "./request.ts";
import { planRequest, type PlannedBuild } from "./plan-request.ts";
import { openPushCheck, type PushCheck } from "./push-check.ts";
import { selectContext } from "./select-context.ts";
import { Tally } from "./tally.ts";
import { openWorkshop, type Workshop } from "./workshop.ts";

export interface BuildDependencies extends ProcessContext {
  readonly emit: (event: BuildEventBody & { readonly time: number }) => void;
}

/** What a build made. */
export interface BuildOutcome {
  readonly images: readonly Image[];
  readonly index: Document | undefined;
  /** A line for each output. */
  readonly outputs: readonly string[];
}

/** Builds what `request` asks for. The first failure ends it; what was begun is undone before this rejects. */
export async function build(request: BuildRequest, dependencies: BuildDependencies): Promise<BuildOutcome> {
  const start = performance.now();
  const stop = new AbortController();
  const emit = notesOnce((event) => dependencies.emit({ ...event, time: performance.now() - start }));
  const signal = AbortSignal.any([dependencies.signal, stop.signal]);
  const workshop = await openWorkshop(request, { ...dependencies, signal }, emit);
  let failure: AppError | undefined;
  try {
    return await withoutLostResults(
      () => withCrossing(workshop, emit, () => attempt(workshop, request, emit, start)),
      emit,
    );
  } catch (error) {
    const cause: unknown = dependencies.signal.aborted ? dependencies.signal.reason : error;
    stop.abort(cause);
    failure = cause instanceof AppError ? cause : new AppError("INTERNAL", messageOf(cause), { cause });
    throw cause;
  } finally {
    await workshop.close();
    // The last word: steps that were under way have said by now that they were canceled.
    if (failure !== undefined) emit({ kind: "build.failed", milliseconds: performance.now() - start, error: failure });
  }
}

/**
 * A blob of the store that proves corrupt when it is read was set aside by then, so the same build
 * finds it missing and makes or fetches it again. So it is with a snapshot that somebody removed.
 */
async function withoutLostResults<T>(body: () => Promise<T>, emit: EventSink): Promise<T> {
  const lost = new Set<string>();
  for (;;) {
    try {
      return await body();
    } catch (error) {
      // Each time another one: what is lost twice is not the store's damage.
      if (!isLost(error) || lost.has(error.message)) throw error;
      lost.add(error.message);
      emit({
        kind: "note",
        level: "warning",
        code: error.code,
        message: `${error.message}; building again what it held`,
      });
    }
  }
}

const LOST: ReadonlySet<string> = new Set(["STORE_SNAPSHOT_MISSING", "LAYER_INDEX_MISSING", "STEP_RESULT_CHANGED"]);

function isLost(error: unknown): error is AppError {
  return isLostBlob(error) || (error instanceof AppError && LOST.has(error.code));
}

/** Builds once. What fails ends the rest of it, and is thrown when nothing of it is under way any more. */
async function attempt(
  workshop: Workshop,
  request: BuildRequest,
  emit: EventSink,
  start: number,
): Promise<BuildOutcome> {
  const stop = new AbortController();
  const signal = AbortSignal.any([workshop.signal, stop.signal]);
  const pushCheck = openPushCheck(request, workshop.client, signal, (error) => stop.abort(error));
  const engines: Engine[] = [];
  const watch: EventSink = (event) => {
    emit(event);
    // A step is told of when what it stands on is there: a base may take a while.
    const isPull = event.kind === "transfer" && event.direction === "pull";
    if (isPull || event.kind === "step.started") pushCheck.start();
  };
  try {
    return await buildIn({ ...workshop, signal }, request, watch, start, pushCheck, (engine) => engines.push(engine));
  } catch (error) {
    stop.abort(error);
    for (const engine of engines) await engine.settled();
    throw pushCheck.failure() ?? error;
  }
}

async function buildIn(
  workshop: Workshop,
  request: BuildRequest,
  emit: EventSink,
  start: number,
  pushCheck: PushCheck,
  onEngine: (engine: Engine) => void,
): Promise<BuildOutcome> {
  await checkOutputs(request);
  const loadEngine = await findLoadEngine(request, workshop);
  const tally = new Tally();
  const onTransfer: OnTransfer = (transfer) => {
    tally.count(transfer);
    emit(transfer);
  };
  const plan = await planRequest(workshop, request, (event) =>
    event.kind === "transfer" ? onTransfer(event) : emit(event),
  );
  const strategies = await strategiesOf(plan, workshop, request.sandbox);
  const refusal = refusalOf(plan, strategies, groundOf(request.sandbox));
  if (refusal !== undefined) throw refusal;
  emit({ kind: "build.planned", steps: plan.graph.steps.size, stages: planStages(plan, strategies) });
  const reporter = new StepReporter(plan.graph, plan.targets.length, workshop.signal, emit);
  const parts = { plan, strategies, reporter, emit, onTransfer, pushCheck, loadEngine, onEngine };
  const outcome = await execute(workshop, request, parts);
  reporter.rest();
  const { images, index, outputs } = outcome;
  const { layersPushed, layersSkipped, bytesPushed, bytesPulled } = tally;
  emit({
    kind: "build.done",
    milliseconds: performance.now() - start,
    stepsRun: reporter.ran.size,
    stepsCached: reporter.cached.size,
    ...{ layersPushed, layersSkipped, bytesPushed, bytesPulled },
    digest: images.length > 0 ? rootDocument({ images, index }).descriptor.digest : undefined,
    outputs,
  });
  return outcome;
}

interface Parts {
  readonly plan: PlannedBuild;
  readonly strategies: Strategies;
  readonly reporter: StepReporter;
  readonly emit: EventSink;
  readonly onTransfer: OnTransfer;
  readonly pushCheck: PushCheck;
  readonly loadEngine: LoadEngine | undefined;
  readonly onEngine: (engine: Engine) => void;
}

/** Makes the images of a plan and brings them where they should go. */
async function execute(
  workshop: Workshop,
  request: BuildRequest,
  { plan, strategies, reporter, emit, onTransfer, pushCheck, loadEngine, onEngine }: Parts,
): Promise<BuildOutcome> {
  const { store, client, signal, env } = workshop;
  const layers = workshop.layers(onTransfer);
  const worker = (): Promise<Worker> =>
    workshop.worker({ ownNamespace: needsOwnNamespace(strategies), traced: needsTracer(strategies) });
  const emulator = emulatorOf(strategies, emulationNotes(emit));
  const foreign = { emulator, worker, remote: plan.remote };
  const engine = makeEngine(
    workshop,
    request,
    plan,
    reporter,
    new SlotBook(store.records, plan.scope),
    layers,
    foreign,
  );
  onEngine(engine);
  const [sets] = await Promise.all([
    makeImages(request, plan, engine, { store, layers, signal, worker }),
    engine.checkContexts(),
  ]);
  await pushCheck.passed();
  const outputs = await writeOutputs({
    ...{ request, epoch: plan.epoch, targets: plan.targets, images: sets, loadEngine },
    ...{ store, client, engine, onTransfer, signal, env, worker },
    session: () => workshop.session(),
  });
  const { images, index } = sets.main ?? { images: [], index: undefined };
  return { images, index, outputs };
}

function makeEngine(
  workshop: Workshop,
  request: BuildRequest,
  plan: PlannedBuild,
  reporter: StepReporter,
  slots: SlotBook,
  layers: LayerFetcher,
  foreign: Pick<EngineOptions, "emulator" | "worker" | "remote">,
): Engine {
  const { store, signal } = workshop;
  return new Engine({
    graph: plan.graph,
    results: new Results(store, workshop.bootId, workshop.snapshotForm),
    reporter,
    slots,
    packing: mainPacking(request, plan.epoch),
    parallelism: request.parallelism ?? workshop.parallelism,
    noCache: request.noCache,
    forced: plan.forced,
    signal,
    goCache: ({ argv, env, mounts = [] }) =>
      request.goCache === "auto" && usesGoCache(argv, env) && !mounts.some(isGoCache)
        ? goCacheOf(store, plan)
        : undefined,
    hostCa: () => (request.hostCa === "auto" ? workshop.hostCa() : undefined),
    ...foreign,
    fetchLayer: (image, index) => layers.fetch(image, index, signal),
    private: workshop.private,
    selectContext: (step, directory, ignore) => selectContext(store, step, directory, ignore, signal),
  });
}

/** What `--load` needs is known before any work. */
async function findLoadEngine(
  { outputs, platforms }: BuildRequest,
  tools: Pick<Workshop, "env" | "signal">,
): Promise<LoadEngine | undefined> {
  if (!outputs.some(({ kind }) => kind === "load")) return undefined;
  const { findEngine } = await import("../output/load.ts");
  return findEngine(Math.max(1, platforms.length), tools);
}

/** The Dockerfile has a cache mount for it where Go keeps it by default. */
function isGoCache(mount: StepMount): boolean {
  return mount.kind === "cache" && /\/(?:go-build|\.cache)$/.test(mount.target);
}

/** One for each context and Dockerfile: what a project compiled is trusted by that project alone. */
function goCacheOf(store: Store, { scope }: PlannedBuild): string {
  return store.cacheDirectory(createHash("sha256").update(`go-build|${scope}`).digest("hex"));
}
