import type { Platform } from "../../../oci/platform.ts";
import type { EscapeCharacter } from "../ast.ts";
import type { Stage } from "../instructions/types.ts";
import { NO_CROSSING } from "./cross.ts";
import type { Crossing } from "./cross.ts";
import type { Globals } from "./globals.ts";
import { refuseMissing, resolveImages } from "./images.ts";
import type { ResolvedImages } from "./images.ts";
import { layOut } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { planCrossings } from "./plan-crossings.ts";
import type { Advice, PlanDependencies, PlanRequest, ResolvedImage } from "./request.ts";
import { imageTriggers } from "./triggers.ts";
import type { Triggers } from "./triggers.ts";
import { refuseUnsupported } from "./unsupported.ts";

/** The stages of a file, with what their words are read by. */
export interface FileScope {
  readonly stages: readonly Stage[];
  readonly escape: EscapeCharacter;
  readonly goal: Stage;
  readonly globalsOf: (target: Platform) => Globals;
}

/** All targets, laid out with the triggers of their bases and the stages that cross. */
export interface LaidOut {
  /** In the order of the platforms. */
  readonly layouts: readonly Layout[];
  readonly images: ResolvedImages;
  readonly advice: readonly Advice[];
}

/** Lays out every target of a request, and resolves the images it needs. */
export async function layOutTargets(
  request: PlanRequest,
  scope: FileScope,
  dependencies: PlanDependencies,
): Promise<LaidOut> {
  const found = new Map<string, ResolvedImage>();
  const resolve = (layouts: readonly Layout[]): Promise<ResolvedImages> =>
    resolveImages(layouts, dependencies, request, found);
  let layouts = layOutAll(request, scope, []);
  let images = await resolve(layouts);
  let triggers = layouts.map((layout) => imageTriggers(layout, images));
  // A trigger may copy from another stage, whose base has triggers too.
  for (let count = 0; countOf(triggers) > count;) {
    count = countOf(triggers);
    layouts = layOutAll(request, scope, triggers);
    images = await resolve(layouts);
    triggers = layouts.map((layout) => imageTriggers(layout, images));
  }
  const { crossings, advice } = planCrossings(layouts, images, request);
  if (crossings.some((crossing) => crossing.stages.size > 0)) {
    layouts = layOutAll(request, scope, triggers, crossings);
    images = await resolve(layouts);
  }
  refuseMissing(layouts, images, request.buildPlatform);
  return { layouts, images, advice };
}

/** Refuses what cannot be built, before anything is looked up. */
function layOutAll(
  { platforms, buildPlatform, allStages, contexts = new Map(), runs }: PlanRequest,
  { stages, escape, goal, globalsOf }: FileScope,
  triggers: readonly Triggers[],
  crossings: readonly Crossing[] = [],
): readonly Layout[] {
  const file = { buildPlatform, escape, goal, allStages, contexts };
  const layouts = platforms.map((target, index) => {
    const own = { triggers: triggers[index] ?? new Map(), crossing: crossings[index] ?? NO_CROSSING };
    return layOut(stages, { ...file, ...own, target, globals: globalsOf(target) });
  });
  for (const { reachable } of layouts)
    for (const { stage } of reachable)
      for (const instruction of stage.instructions) refuseUnsupported(instruction, runs?.allowInsecure ?? false);
  return layouts;
}

function countOf(triggers: readonly Triggers[]): number {
  return triggers.reduce((count, map) => count + map.size, 0);
}
