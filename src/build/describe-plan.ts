import type { ProcessContext } from "../base/context.ts";
import type { AppError } from "../base/errors.ts";
import type { BuildEventBody, EventSink, StagePlan } from "../engine/events.ts";
import { Results } from "../engine/results.ts";
import type { BuildPlan } from "../engine/types.ts";
import { formatPlatform, hostPlatform } from "../oci/platform.ts";
import { planFetches } from "../plan/fetches.ts";
import type { PlannedFetch } from "../plan/fetches.ts";
import { planStages } from "../plan/stages.ts";
import { refusalOf } from "../plan/refusal.ts";
import { groundOf, strategiesOf } from "./emulation.ts";
import { planRequest } from "./plan-request.ts";
import type { BuildRequest } from "./request.ts";
import { openWorkshop } from "./workshop.ts";

/** What a build would do, without doing it. */
export interface PlanDescription {
  readonly dockerfile: string;
  /** The platform of this machine. */
  readonly machine: string;
  /** In the order of the result. */
  readonly platforms: readonly string[];
  readonly stages: readonly StagePlan[];
  /** Steps of stages that several platforms have, made once. */
  readonly shared: readonly SharedStep[];
  /** Layers of bases that are not here, as far as a build with an empty cache reads them. */
  readonly fetches: readonly PlannedFetch[];
  /** Why the build would be refused. */
  readonly refusal: AppError | undefined;
}

export interface SharedStep {
  readonly stage: string;
  readonly line: number;
  readonly text: string;
  readonly platforms: readonly string[];
}

/** Plans what `build` would: reads the Dockerfile, asks registries for manifests, tries emulators, and stops there. */
export async function describePlan(
  request: BuildRequest,
  process: ProcessContext & { readonly emit: (event: BuildEventBody & { readonly time: number }) => void },
): Promise<PlanDescription> {
  const start = performance.now();
  const emit: EventSink = (event) => process.emit({ ...event, time: performance.now() - start });
  const workshop = await openWorkshop(request, process, emit);
  try {
    const plan = await planRequest(workshop, request, emit);
    const strategies = await strategiesOf(plan, workshop, request.sandbox);
    const results = new Results(workshop.store, workshop.bootId, workshop.snapshotForm);
    const whole = request.outputs.some(({ kind }) => kind !== "registry" && kind !== "cacheonly");
    const present = {
      hasSnapshot: (id: string) => results.hasSnapshot(id),
      hasIndex: results.hasIndex.bind(results),
      hasBlob: workshop.store.blobs.has.bind(workshop.store.blobs),
    };
    return {
      dockerfile: plan.dockerfile,
      machine: formatPlatform(hostPlatform()),
      platforms: plan.targets.map(({ platform }) => formatPlatform(platform)),
      stages: planStages(plan, strategies),
      shared: sharedSteps(plan),
      fetches: planFetches(plan, present, whole),
      refusal: refusalOf(plan, strategies, groundOf(request.sandbox)),
    };
  } finally {
    await workshop.close();
  }
}

function sharedSteps({ graph, targets }: BuildPlan): readonly SharedStep[] {
  const inStages = new Set(targets.flatMap(({ stages }) => stages.flatMap(({ steps }) => steps)));
  return [...inStages].flatMap((id) => {
    const labels = graph.labels.get(id) ?? [];
    const [first] = labels;
    if (first === undefined || labels.length < 2) return [];
    const platforms = labels.map(({ target }) => formatPlatform(target));
    return { stage: first.stage, line: first.source?.start.line ?? 0, text: first.text, platforms };
  });
}
