import { formatPlatformFull, platformsEqual } from "../oci/platform.ts";
import type { Platform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import { stepKey } from "./keys.ts";
import type { KeyField } from "./keys.ts";
import type { Graph, Step, StepId, StepLabel } from "./types.ts";

/**
 * Collects steps into a graph. Inputs are added before their users, as a step names them by id; a step
 * that is added again, for another platform or by another instruction, is the one that is there.
 */
export class GraphBuilder {
  readonly #steps = new Map<StepId, Step>();
  readonly #labels = new Map<StepId, StepLabel[]>();

  /** Answers the step's id. Of several labels for one platform the first stays. */
  add(step: Step, label: StepLabel): StepId {
    const id = stepId(step);
    if (!this.#steps.has(id)) this.#steps.set(id, step);
    const labels = this.#labels.get(id) ?? [];
    if (!labels.some(({ target }) => platformsEqual(target, label.target))) this.#labels.set(id, [...labels, label]);
    return id;
  }

  finish(): Graph {
    return { steps: new Map(this.#steps), labels: new Map(this.#labels) };
  }
}

/** The digest of a step's definition. Ids of its inputs are part of it, so it names all it is made from. */
export function stepId(step: Step): StepId {
  return stepKey(`definition.${step.kind}`, definition(step)) as string as StepId;
}

function definition(step: Step): readonly KeyField[] {
  switch (step.kind) {
    case "image":
      return [
        ["reference", formatReference(step.reference)],
        ["manifest", step.manifest.digest],
        ...platformField(step.platform),
      ];
    case "scratch":
      return [];
    case "context":
      return [
        ["directory", step.directory],
        ["ignore", step.ignore],
      ];
    case "copy":
      return [
        ["base", step.base],
        ["from", step.from],
        ["paths", step.paths],
        ["destination", step.destination],
        ["into", step.intoDirectory ? "directory" : ""],
        ...optionalField("owner", step.owner),
        ...optionalField("mode", step.mode?.toString(8)),
      ];
    case "mkdir":
      return [["base", step.base], ["path", step.path], ...optionalField("owner", step.owner)];
    case "run":
      return [
        ["base", step.base],
        ["argv", step.argv],
        ["env", step.env],
        ["hidden", step.hiddenEnv],
        ["cwd", step.cwd],
        ["user", step.user],
        ["network", step.network],
        ...platformField(step.platform),
      ];
  }
}

function platformField(platform: Platform): readonly KeyField[] {
  return [["platform", formatPlatformFull(platform)]];
}

/** Absent and empty are different fields. */
function optionalField(name: string, value: string | undefined): readonly KeyField[] {
  return value === undefined ? [] : [[name, value]];
}
