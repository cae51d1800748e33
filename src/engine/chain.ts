import { assertNever } from "../base/errors.ts";
import type { FilesStep, Graph, ImageStep, Step, StepId } from "./types.ts";

/** One layer of a step's file system: of its base image, or made by a step. */
export type Link =
  | { readonly kind: "base"; readonly id: StepId; readonly image: ImageStep; readonly index: number }
  | { readonly kind: "step"; readonly id: StepId };

/** The layers a step's file system consists of, lowest first: a matter of the graph alone. */
export function chainOf(graph: Graph, id: StepId): readonly Link[] {
  const step = stepOf(graph, id);
  switch (step.kind) {
    case "scratch":
    case "context":
    case "file":
    case "http":
    case "git":
      return [];
    case "image":
      return step.layers.map((_, index) => ({ kind: "base", id, image: step, index }));
    case "copy":
    case "mkdir":
    case "run":
      return [...chainOf(graph, step.base), { kind: "step", id }];
    default:
      return assertNever(step);
  }
}

/** Whether a step is files that nothing stands on. */
export function isFiles(step: Step): step is FilesStep {
  return step.kind === "context" || step.kind === "file" || step.kind === "http" || step.kind === "git";
}

export function stepOf(graph: Graph, id: StepId): Step {
  const step = graph.steps.get(id);
  if (step === undefined) throw new Error(`step ${id} is not in the graph`);
  return step;
}
