import { AppError } from "../base/errors.ts";
import type { BuildPlan, RunStep, StepId } from "../engine/types.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { Emulation } from "../sandbox/emulation/types.ts";

/** How a RUN comes to run on this machine. */
export type Strategy =
  | { readonly kind: "native" }
  | { readonly kind: "emulated"; readonly emulation: Exclude<Emulation, { readonly kind: "native" | "none" }> };

export interface Machine {
  readonly platform: Platform;
  /** By architecture, of those that {@link foreignArchitectures} names. */
  readonly emulation: ReadonlyMap<string, Emulation>;
}

/** The architectures of RUNs that are not this machine's, in the order in which they are met. */
export function foreignArchitectures({ graph }: BuildPlan, machine: Platform): readonly string[] {
  const names = [...graph.steps.values()].flatMap((step) =>
    step.kind === "run" && step.platform.architecture !== machine.architecture ? step.platform.architecture : [],
  );
  return [...new Set(names)];
}

/**
 * Chooses a strategy for every RUN of the plan, and fails before any work when one of them needs an
 * emulator that is not to be had: better than `exec format error` after ten minutes.
 */
export function chooseStrategies(plan: BuildPlan, machine: Machine): ReadonlyMap<StepId, Strategy> {
  const chosen = new Map<StepId, Strategy>();
  for (const [id, step] of plan.graph.steps) {
    if (step.kind !== "run") continue;
    const emulation = emulationFor(step, machine);
    if (emulation.kind === "none") throw noEmulator(plan, id, step, machine, emulation.reasons);
    chosen.set(id, emulation.kind === "native" ? { kind: "native" } : { kind: "emulated", emulation });
  }
  return chosen;
}

function emulationFor({ platform }: RunStep, machine: Machine): Emulation {
  if (platform.os !== machine.platform.os)
    return { kind: "none", reasons: [`no emulator runs programs of ${platform.os}`] };
  if (platform.architecture === machine.platform.architecture) return { kind: "native" };
  return machine.emulation.get(platform.architecture) ?? { kind: "none", reasons: [] };
}

function noEmulator(
  plan: BuildPlan,
  id: StepId,
  step: RunStep,
  machine: Machine,
  reasons: readonly string[],
): AppError {
  const label = plan.graph.labels.get(id)?.[0];
  const platform = formatPlatform(step.platform);
  const here = formatPlatform(machine.platform);
  const why = reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
  return new AppError(
    "PLAN_NO_EMULATOR",
    `${label?.text ?? "a RUN"} runs on ${platform}, this machine is ${here} and has no emulator for it${why}`,
    {
      source: label?.source,
      hint:
        `start the stage with FROM --platform=$BUILDPLATFORM and cross-compile (Go: GOOS=$TARGETOS GOARCH=$TARGETARCH), ` +
        `or leave ${platform} out of --platform, or have root install qemu-user-static ` +
        `(and proot, where the kernel is older than 6.7 or user namespaces are refused)`,
    },
  );
}
