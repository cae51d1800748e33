import { assertNever } from "../base/errors.ts";
import type { Graph, ImageStep, Step, StepId } from "./types.ts";

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

export function stepOf(graph: Graph, id: StepId): Step {
  const step = graph.steps.get(id);
  if (step === undefined) throw new Error(`step ${id} is not in the graph`);
  return step;
}
