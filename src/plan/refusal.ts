import { AppError } from "../base/errors.ts";
import type { BuildPlan, RunStep, StepId, StepLabel } from "../engine/types.ts";
import type { Platform } from "../oci/platform.ts";
import { allowedRungs } from "../sandbox/rung.ts";
import type { RungChoice } from "../sandbox/rung.ts";
import { missingEmulator } from "./strategies.ts";
import type { Strategies } from "./strategies.ts";

/** Where RUNs are to run. */
export interface Ground {
  readonly machine: Platform;
  readonly choice: RungChoice;
  readonly isRoot: boolean;
}

/** Why this machine, as the user lets us use it, cannot run what the plan needs. To be thrown before any work. */
export function refusalOf(plan: BuildPlan, strategies: Strategies, ground: Ground): AppError | undefined {
  return missingRung(plan, ground) ?? missingEmulator(plan, strategies, ground.machine, ground.choice);
}

/** `SANDBOX_UNAVAILABLE` for the first RUN that none of the rungs that may be used serves. */
function missingRung({ graph }: BuildPlan, { choice, isRoot }: Ground): AppError | undefined {
  const rungs = allowedRungs(choice);
  for (const [id, step] of graph.steps) {
    const why = step.kind === "run" ? reasonAgainst(step, rungs, isRoot) : undefined;
    if (why !== undefined) return refused(graph.labels.get(id)?.[0], id, why, rungs.join(", "));
  }
  return undefined;
}

interface Reason {
  readonly message: string;
  readonly hint: string;
}

function reasonAgainst({ network }: RunStep, rungs: readonly string[], isRoot: boolean): Reason | undefined {
  if (rungs.every((rung) => rung === "none"))
    return {
      message: "it executes no RUN",
      hint: "leave out --sandbox=none, or name a rung that executes RUNs: runtime, namespace, chroot or proot",
    };
  if (rungs.every((rung) => rung === "chroot") && !isRoot)
    return {
      message: "it needs root, and this user is not root",
      hint: "leave out --sandbox=chroot, write --sandbox=proot, or run manyarch as root",
    };
  if (network === "none" && !rungs.some((rung) => rung === "runtime" || rung === "namespace"))
    return {
      message: "--network=none takes a network namespace, which it has not",
      hint: "leave out --sandbox, write --sandbox=namespace, or leave out --network=none",
    };
  return undefined;
}

function refused(label: StepLabel | undefined, id: StepId, { message, hint }: Reason, rungs: string): AppError {
  return new AppError("SANDBOX_UNAVAILABLE", `${label?.text ?? id} cannot run on the rung ${rungs}: ${message}`, {
    source: label?.source,
    hint,
  });
}
