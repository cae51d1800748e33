import { GraphBuilder } from "../../../engine/graph.ts";
import type { StepId } from "../../../engine/types.ts";
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
import type { GlobalScope } from "./check-bases.ts";
import { convertTarget } from "./convert.ts";
import { resolveEpoch } from "./epoch.ts";
import { globalsFor } from "./globals.ts";
import { layOutTargets } from "./lay-out-targets.ts";
import type { FileScope } from "./lay-out-targets.ts";
import type { Layout } from "./layout.ts";
import { requestFor } from "./platform-args.ts";
import type { DockerfilePlan, PlanDependencies, PlanRequest } from "./request.ts";
import { proxyVariables } from "./run.ts";
import type { Conversion } from "./state.ts";
import { findTarget } from "./target.ts";
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
  const file = readStages(linter, given);
  const { request, scope, sourceDateEpoch } = await scopeOf(given, file, dependencies);
  checkFroms(linter, file.stages, request.platforms, scope);
  const { layouts, images, advice } = await layOutTargets(request, scope, dependencies);
  checkImages(linter, layouts, images);
  const { graph, targets, forced } = convertTargets(request, { layouts, images, escape: file.escape, linter });
  const violation = linter.violation();
  if (violation !== undefined) throw violation;
  const instructions = [...file.globalArgs, ...file.stages.flatMap((stage) => stage.instructions)];
  const unused = unusedArgs(given, instructions, layouts);
  return { graph, targets, notes: notesOf(linter.findings), advice, unusedArgs: unused, sourceDateEpoch, forced };
}

type File = Stages & Pick<Dockerfile, "escape">;

function readStages(linter: Linter, request: PlanRequest): File {
  const dockerfile = parseDockerfile(request.dockerfile);
  linter.configure(settingsOf(dockerfile, request.buildArgs));
  checkContinuations(linter, dockerfile.emptyContinuations);
  const { globalArgs, stages } = parseStages(dockerfile, linter);
  checkStageNames(linter, stages);
  checkInstructionCasing(linter, stages);
  return { escape: dockerfile.escape, globalArgs, stages };
}

/** What the words of FROM are read by. The request gets the time of the build for those who declare it. */
async function scopeOf(
  given: PlanRequest,
  { stages, globalArgs, escape }: File,
  dependencies: PlanDependencies,
): Promise<{
  readonly request: PlanRequest;
  readonly scope: FileScope & GlobalScope;
  readonly sourceDateEpoch: number | undefined;
}> {
  const goal = findTarget(stages, given.target);
  const targetStage = given.target ?? stages.at(-1)!.from.name ?? "default";
  const sources = { args: globalArgs, escape, buildPlatform: given.buildPlatform, targetStage };
  const { epoch, request } = await resolveEpoch(given, stages, sources, dependencies);
  const globalsOf: GlobalScope["globalsOf"] = (target, buildArgs = requestFor(request, target).buildArgs) =>
    globalsFor(target, { ...sources, buildArgs });
  return { request, scope: { stages, escape, goal, globalsOf }, sourceDateEpoch: epoch };
}

/** The stages of every target as steps of one graph. */
function convertTargets(
  request: PlanRequest,
  { layouts, ...shared }: { readonly layouts: readonly Layout[] } & Pick<Conversion, "images" | "escape" | "linter">,
): Pick<DockerfilePlan, "graph" | "targets" | "forced"> {
  const graph = new GraphBuilder();
  const forced = new Set<StepId>();
  const targets = layouts.map((layout, index) => {
    shared.linter.beginPlatform(index);
    const own = requestFor(request, layout.target);
    const hiddenEnv = proxyVariables(own.buildArgs);
    const conversion = { ...shared, graph, forced, layout, globals: layout.globals, hiddenEnv };
    return convertTarget({ ...conversion, request: own, stages: new Map() });
  });
  return { graph: graph.finish(), targets, forced };
}
