import { GraphBuilder } from "../../../engine/graph.ts";
import { parseStages } from "../instructions/parse.ts";
import { parseDockerfile } from "../parse.ts";
import { convertTarget } from "./convert.ts";
import { epochOf, withEpochArg } from "./epoch.ts";
import { globalsFor } from "./globals.ts";
import { resolveImages } from "./images.ts";
import type { ResolvedImages } from "./images.ts";
import { layOut } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { NoteBook } from "./notes.ts";
import type { DockerfilePlan, PlanDependencies, PlanRequest, ResolvedImage } from "./request.ts";
import { proxyVariables } from "./run.ts";
import { findTarget } from "./target.ts";
import { imageTriggers } from "./triggers.ts";
import type { Triggers } from "./triggers.ts";
import { refuseUnsupported } from "./unsupported.ts";

/**
 * Plans a build: parses the Dockerfile, resolves the images its targets need and turns the reachable
 * stages of every platform into one graph, in which equal steps of different platforms are one.
 *
 * Throws `DOCKERFILE_*` with the place in the file; what `resolveImage` throws gets the place that
 * names the image. Nothing is looked up before the whole file has been checked.
 */
export async function planBuild(given: PlanRequest, dependencies: PlanDependencies): Promise<DockerfilePlan> {
  const request = withEpochArg(given);
  const dockerfile = parseDockerfile(request.dockerfile);
  const { globalArgs, stages } = parseStages(dockerfile);
  const { escape } = dockerfile;
  const { buildPlatform, buildArgs, contexts = new Map() } = request;
  const notes = new NoteBook();
  dockerfile.notes.forEach((note) => notes.add(note));
  const goal = findTarget(stages, request.target);
  const targetStage = request.target ?? stages.at(-1)!.from.name ?? "default";

  const layOutWith = (triggers: readonly Triggers[]): readonly Layout[] =>
    request.platforms.map((target, index) => {
      const globals = globalsFor(target, { args: globalArgs, escape, buildPlatform, buildArgs, targetStage });
      const known = triggers[index] ?? new Map();
      return layOut(stages, { target, buildPlatform, globals, escape, notes, goal, contexts, triggers: known });
    });
  let layouts = checked(layOutWith([]));
  const found = new Map<string, ResolvedImage>();
  let images = await resolveImages(layouts, dependencies, request.signal, found);
  // A trigger may copy from another stage, whose base has triggers too.
  for (let count = 0, triggers = triggersOf(layouts, images); countOf(triggers) > count;) {
    count = countOf(triggers);
    layouts = checked(layOutWith(triggers));
    images = await resolveImages(layouts, dependencies, request.signal, found);
    triggers = triggersOf(layouts, images);
  }
  const sourceDateEpoch = epochOf(request, layouts[0]!.globals, globalArgs);
  const graph = new GraphBuilder();
  const hiddenEnv = proxyVariables(buildArgs);
  const targets = layouts.map((layout) =>
    convertTarget({
      request,
      layout,
      globals: layout.globals,
      images,
      escape,
      graph,
      notes,
      hiddenEnv,
      stages: new Map(),
    }),
  );
  return { graph: graph.finish(), targets, notes: notes.list(), sourceDateEpoch };
}

/** Refuses what cannot be built before anything is looked up. */
function checked(layouts: readonly Layout[]): readonly Layout[] {
  for (const { reachable } of layouts) for (const { stage } of reachable) stage.instructions.forEach(refuseUnsupported);
  return layouts;
}

function triggersOf(layouts: readonly Layout[], images: ResolvedImages): readonly Triggers[] {
  return layouts.map((layout) => imageTriggers(layout, images));
}

function countOf(triggers: readonly Triggers[]): number {
  return triggers.reduce((count, map) => count + map.size, 0);
}
