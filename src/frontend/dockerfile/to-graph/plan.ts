import { GraphBuilder } from "../../../engine/graph.ts";
import type { StepId } from "../../../engine/types.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { Dockerfile } from "../ast.ts";
import { parseStages } from "../instructions/parse.ts";
import type { Stages } from "../instructions/parse.ts";
import { checkInstructionCasing } from "../lint/casing.ts";
import { Linter } from "../lint/linter.ts";
import { notesOf } from "../lint/notes.ts";
import { checkContinuations } from "../lint/outdated.ts";
import { settingsOf } from "../lint/settings.ts";
import { checkStageNames } from "../lint/stage-names.ts";
import { parseDockerfile } from "../parse.ts";
import { checkFroms, checkImages } from "./check-bases.ts";
import { convertTarget } from "./convert.ts";
import { NO_CROSSING } from "./cross.ts";
import type { Crossing } from "./cross.ts";
import { resolveEpoch } from "./epoch.ts";
import { globalsFor } from "./globals.ts";
import type { Globals } from "./globals.ts";
import { refuseMissing, resolveImages } from "./images.ts";
import type { ResolvedImages } from "./images.ts";
import { layOut } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { requestFor } from "./platform-args.ts";
import type { DockerfilePlan, PlanDependencies, PlanRequest, ResolvedImage } from "./request.ts";
import { planCrossings } from "./plan-crossings.ts";
import { proxyVariables } from "./run.ts";
import { findTarget } from "./target.ts";
import { imageTriggers } from "./triggers.ts";
import type { Triggers } from "./triggers.ts";
import { refuseUnsupported } from "./unsupported.ts";
import { unusedArgs } from "./unused-args.ts";

/**
 * Plans a build: parses the Dockerfile, resolves the images its targets need and turns the reachable
 * stages of every platform into one graph, in which equal steps of different platforms are one.
 *
 * Throws `DOCKERFILE_*` with the place in the file; what `resolveImage` throws gets the place that
 * names the image. Nothing is looked up before the whole file has been checked. What `linter` has found
 * by then stays found.
 */
export async function planBuild(
  given: PlanRequest,
  dependencies: PlanDependencies,
  linter = new Linter(),
): Promise<DockerfilePlan> {
  const { escape, globalArgs, stages } = readStages(linter, given);
  const { buildPlatform, contexts = new Map(), allStages } = given;
  const goal = findTarget(stages, given.target);
  const targetStage = given.target ?? stages.at(-1)!.from.name ?? "default";
  const sources = { args: globalArgs, escape, buildPlatform, targetStage };
  const { epoch: sourceDateEpoch, request } = await resolveEpoch(given, stages, sources, dependencies);
  const globalsOf = (target: Platform, buildArgs = requestFor(request, target).buildArgs): Globals =>
    globalsFor(target, { ...sources, buildArgs });
  checkFroms(linter, stages, request.platforms, { escape, globalsOf });
  const layOutWith = (triggers: readonly Triggers[], crossings: readonly Crossing[] = []): readonly Layout[] =>
    request.platforms.map((target, index) => {
      const globals = globalsOf(target);
      const more = { triggers: triggers[index] ?? new Map(), crossing: crossings[index] ?? NO_CROSSING };
      return layOut(stages, { target, buildPlatform, globals, escape, goal, allStages, contexts, ...more });
    });
  const allowInsecure = request.runs?.allowInsecure ?? false;
  let layouts = checked(layOutWith([]), allowInsecure);
  const found = new Map<string, ResolvedImage>();
  let images = await resolveImages(layouts, dependencies, request, found);
  // A trigger may copy from another stage, whose base has triggers too.
  let triggers = triggersOf(layouts, images);
  for (let count = 0; countOf(triggers) > count;) {
    count = countOf(triggers);
    layouts = checked(layOutWith(triggers), allowInsecure);
    images = await resolveImages(layouts, dependencies, request, found);
    triggers = triggersOf(layouts, images);
  }
  const { crossings, advice } = planCrossings(layouts, images, request);
  if (crossings.some((crossing) => crossing.stages.size > 0)) {
    layouts = checked(layOutWith(triggers, crossings), allowInsecure);
    images = await resolveImages(layouts, dependencies, request, found);
  }
  refuseMissing(layouts, images, buildPlatform);
  const graph = new GraphBuilder();
  const forced = new Set<StepId>();
  checkImages(linter, layouts, images);
  const targets = layouts.map((layout, index) => {
    linter.beginPlatform(index);
    const own = requestFor(request, layout.target);
    return convertTarget({
      request: own,
      layout,
      globals: layout.globals,
      images,
      escape,
      graph,
      linter,
      hiddenEnv: proxyVariables(own.buildArgs),
      forced,
      stages: new Map(),
    });
  });
  const violation = linter.violation();
  if (violation !== undefined) throw violation;
  const instructions = [...globalArgs, ...stages.flatMap((stage) => stage.instructions)];
  const unused = unusedArgs(given, instructions, layouts);
  const notes = notesOf(linter.findings);
  return { graph: graph.finish(), targets, notes, advice, unusedArgs: unused, sourceDateEpoch, forced };
}

function readStages(linter: Linter, request: PlanRequest): Stages & Pick<Dockerfile, "escape"> {
  const dockerfile = parseDockerfile(request.dockerfile);
  linter.configure(settingsOf(dockerfile, request.buildArgs));
  checkContinuations(linter, dockerfile.emptyContinuations);
  const { globalArgs, stages } = parseStages(dockerfile, linter);
  checkStageNames(linter, stages);
  checkInstructionCasing(linter, stages);
  return { escape: dockerfile.escape, globalArgs, stages };
}

/** Refuses what cannot be built before anything is looked up. */
function checked(layouts: readonly Layout[], allowInsecure: boolean): readonly Layout[] {
  for (const { reachable } of layouts)
    for (const { stage } of reachable)
      for (const instruction of stage.instructions) refuseUnsupported(instruction, allowInsecure);
  return layouts;
}

function triggersOf(layouts: readonly Layout[], images: ResolvedImages): readonly Triggers[] {
  return layouts.map((layout) => imageTriggers(layout, images));
}

function countOf(triggers: readonly Triggers[]): number {
  return triggers.reduce((count, map) => count + map.size, 0);
}
