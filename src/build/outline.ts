import type { ProcessContext } from "../base/context.ts";
import { outlineOf, targetsOf } from "../frontend/dockerfile/to-graph/outline.ts";
import type { Outline, OutlineTarget } from "../frontend/dockerfile/to-graph/outline.ts";
import type { PlanRequest } from "../frontend/dockerfile/to-graph/request.ts";
import { planRequest } from "./plan-request.ts";
import type { BuildRequest } from "./request.ts";
import { openWorkshop } from "./workshop.ts";

/** What `--call` tells of a Dockerfile, with the text of the file. */
export type Described =
  | { readonly method: "outline"; readonly text: string; readonly outline: Outline }
  | { readonly method: "targets"; readonly text: string; readonly targets: readonly OutlineTarget[] };

/** Reads the Dockerfile that `request` would build and says what it offers. Nothing is built, no image looked up. */
export async function describeRequest(
  request: BuildRequest,
  method: Described["method"],
  process: ProcessContext,
): Promise<Described> {
  const workshop = await openWorkshop(request, process, () => {});
  let asked: PlanRequest | undefined;
  try {
    await planRequest(
      workshop,
      { ...request, notes: [] },
      () => {},
      async (plan) => {
        asked = plan;
        return { graph: { steps: new Map(), labels: new Map() }, targets: [], ...NOTHING };
      },
    );
  } finally {
    await workshop.close();
  }
  const { text } = asked!.dockerfile;
  if (method === "targets") return { method, text, targets: targetsOf(asked!) };
  return { method, text, outline: outlineOf(asked!) };
}

const NOTHING = {
  notes: [],
  advice: [],
  unusedArgs: [],
  sourceDateEpoch: undefined,
  forced: new Set<never>(),
} as const;
