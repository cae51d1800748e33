import { createHash } from "node:crypto";
import { AppError, assertNever } from "../base/errors.ts";
import type { ProcessContext } from "../base/context.ts";
import type { OnTransfer } from "../base/transfer.ts";
import { Engine } from "../engine/engine.ts";
import type { BuildEventBody, EventSink } from "../engine/events.ts";
import { StepReporter } from "../engine/reporter.ts";
import type { StepMount } from "../engine/types.ts";
import { Results } from "../engine/results.ts";
import { SlotBook } from "../engine/why.ts";
import { formatPlatform, hostPlatform } from "../oci/platform.ts";
import { assembleIndex, type Document, type Image } from "../output/image.ts";
import { rootDocument } from "../output/registry.ts";
import { chooseStrategies } from "../plan/strategies.ts";
import { usesGoCache } from "../sandbox/go-cache.ts";
import { hostBinfmtHandlers } from "../sandbox/binfmt.ts";
import { isLostBlob } from "../store/blobs.ts";
import type { Store } from "../store/store.ts";
import type { Packing } from "../worker/protocol.ts";
import { assembleTarget } from "./assemble.ts";
import { writeOutputs } from "./outputs.ts";
import type { BuildRequest } from "./request.ts";
import { privateInputs } from "./private-inputs.ts";
import { planRequest, type PlannedBuild } from "./plan-request.ts";
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
  const emit: EventSink = (event) => dependencies.emit({ ...event, time: performance.now() - start });
  const signal = AbortSignal.any([dependencies.signal, stop.signal]);
  const workshop = await openWorkshop(request, { ...dependencies, signal }, emit);
  let failure: AppError | undefined;
  try {
    return await withoutLostBlobs(() => buildIn(workshop, request, emit, start), emit);
  } catch (error) {
    const cause: unknown = dependencies.signal.aborted ? dependencies.signal.reason : error;
    stop.abort(cause);
    if (cause instanceof AppError) failure = cause;
    throw cause;
  } finally {
    await workshop.close();
    // The last word: steps that were under way have said by now that they were canceled.
    if (failure !== undefined) emit({ kind: "build.failed", milliseconds: performance.now() - start, error: failure });
  }
}

/**
 * A blob of the store that proves corrupt when it is read was set aside by then, so the same build
 * finds it missing and makes or fetches it again.
 */
async function withoutLostBlobs<T>(body: () => Promise<T>, emit: EventSink): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (!isLostBlob(error)) throw error;
    emit({
      kind: "note",
      level: "warning",
      code: error.code,
      message: `${error.message}; building again what it held`,
    });
    return body();
  }
}

async function buildIn(
  workshop: Workshop,
  request: BuildRequest,
  emit: EventSink,
  start: number,
): Promise<BuildOutcome> {
  const { store, client, signal } = workshop;
  const plan = await planRequest(workshop, request, emit);
  chooseStrategies(plan, { platform: hostPlatform(), handlers: hostBinfmtHandlers() });
  emit({
    kind: "build.started",
    platforms: platformsOf(plan),
    dockerfile: plan.dockerfile,
    steps: plan.graph.steps.size,
  });

  const tally = new Tally();
  const onTransfer: OnTransfer = (transfer) => {
    tally.count(transfer);
    emit(transfer);
  };
  const reporter = new StepReporter(plan.graph, plan.targets.length, signal, emit);
  const slots = new SlotBook(store.records, plan.scope);
  const engine = makeEngine(workshop, request, plan, reporter, slots, onTransfer);
  const images = needsImages(request) ? await makeImages(workshop, request, plan, engine, onTransfer) : [];
  const index = images.length > 1 ? assembleIndex(images, request.format) : undefined;
  const outputs = await writeOutputs({
    request,
    epoch: plan.epoch,
    targets: plan.targets,
    images,
    index,
    store,
    client,
    engine,
    onTransfer,
    signal,
    worker: () => workshop.worker(),
  });
  reporter.rest();
  emit({
    kind: "build.done",
    milliseconds: performance.now() - start,
    stepsRun: reporter.ran.size,
    stepsCached: reporter.cached.size,
    layersPushed: tally.layersPushed,
    layersSkipped: tally.layersSkipped,
    bytesPushed: tally.bytesPushed,
    bytesPulled: tally.bytesPulled,
    digest: images.length > 0 ? rootDocument({ images, index }).descriptor.digest : undefined,
    outputs,
  });
  return { images, index, outputs };
}

function makeEngine(
  workshop: Workshop,
  request: BuildRequest,
  plan: PlannedBuild,
  reporter: StepReporter,
  slots: SlotBook,
  onTransfer: OnTransfer,
): Engine {
  const { store, signal } = workshop;
  return new Engine({
    graph: plan.graph,
    results: new Results(store, workshop.bootId),
    reporter,
    slots,
    packing: packingOf(request, plan),
    parallelism: request.parallelism ?? workshop.parallelism,
    noCache: request.noCache,
    signal,
    goCache: ({ argv, env, mounts = [] }) =>
      request.goCache === "auto" && usesGoCache(argv, env) && !mounts.some(isGoCache)
        ? goCacheOf(store, plan)
        : undefined,
    hostCa: () => (request.hostCa === "auto" ? workshop.hostCa() : undefined),
    worker: () => workshop.worker(),
    fetchLayer: (image, index) => workshop.layers(onTransfer).fetch(image, index, signal),
    private: privateInputs(request),
    selectContext: (step, directory, ignore) => selectContext(store, step, directory, ignore),
  });
}

async function makeImages(
  workshop: Workshop,
  request: BuildRequest,
  plan: PlannedBuild,
  engine: Engine,
  onTransfer: OnTransfer,
): Promise<readonly Image[]> {
  const { format } = request;
  const { epoch } = plan;
  const fetch = async (
    layer: { image: Parameters<ReturnType<Workshop["layers"]>["fetch"]>[0]; index: number },
    signal: AbortSignal,
  ): Promise<void> => {
    await workshop.layers(onTransfer).fetch(layer.image, layer.index, signal);
  };
  return Promise.all(
    plan.targets.map(async (target) =>
      assembleTarget(target, await engine.layers(target.root), { format, epoch, fetch }),
    ),
  );
}

/** The Dockerfile has a cache mount for it where Go keeps it by default. */
function isGoCache(mount: StepMount): boolean {
  return mount.kind === "cache" && /\/(?:go-build|\.cache)$/.test(mount.target);
}

/** One for each context and Dockerfile: what a project compiled is trusted by that project alone. */
function goCacheOf(store: Store, { scope }: PlannedBuild): string {
  return store.cacheDirectory(createHash("sha256").update(`go-build|${scope}`).digest("hex"));
}

function needsImages({ outputs }: BuildRequest): boolean {
  if (outputs.length === 0) return true;
  return outputs.some((output) => {
    switch (output.kind) {
      case "registry":
      case "oci":
        return true;
      case "local":
        return false;
      default:
        return assertNever(output);
    }
  });
}

function packingOf({ compression, format }: BuildRequest, { epoch }: PlannedBuild): Packing {
  return { compression, format, epoch };
}

function platformsOf(plan: PlannedBuild): readonly string[] {
  return plan.targets.map((target) => formatPlatform(target.platform));
}
