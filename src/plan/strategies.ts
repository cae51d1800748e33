import { AppError } from "../base/errors.ts";
import type { BuildPlan, RunStep, StepId } from "../engine/types.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { qemuName, type BinfmtHandler } from "../sandbox/binfmt.ts";

/** How a RUN comes to run on this machine. */
export type Strategy = { readonly kind: "native" } | { readonly kind: "emulated"; readonly handler: BinfmtHandler };

export interface Machine {
  readonly platform: Platform;
  /** By QEMU's architecture name. */
  readonly handlers: ReadonlyMap<string, BinfmtHandler>;
}

/**
 * Chooses a strategy for every RUN of the plan, and fails before any work when one of them needs an
 * emulator that is not to be had: better than `exec format error` after ten minutes.
 */
export function chooseStrategies(plan: BuildPlan, machine: Machine): ReadonlyMap<StepId, Strategy> {
  const chosen = new Map<StepId, Strategy>();
  for (const [id, step] of plan.graph.steps) {
    if (step.kind !== "run") continue;
    const strategy = strategyFor(step, machine);
    if (strategy === undefined) throw noEmulator(plan, id, step, machine);
    chosen.set(id, strategy);
  }
  return chosen;
}

function strategyFor(step: RunStep, machine: Machine): Strategy | undefined {
  if (runsNatively(step.platform, machine.platform)) return { kind: "native" };
  const handler = machine.handlers.get(qemuName(step.platform.architecture));
  return handler?.fixed === true ? { kind: "emulated", handler } : undefined;
}

/** x86-64 kernels run i386 binaries too; arm64 machines need not run 32-bit arm. */
function runsNatively(wanted: Platform, machine: Platform): boolean {
  if (wanted.os !== machine.os) return false;
  if (wanted.architecture === machine.architecture) return true;
  return machine.architecture === "amd64" && wanted.architecture === "386";
}

function noEmulator(plan: BuildPlan, id: StepId, step: RunStep, machine: Machine): AppError {
  const label = plan.graph.labels.get(id)?.[0];
  const platform = formatPlatform(step.platform);
  const handler = machine.handlers.get(qemuName(step.platform.architecture));
  const found =
    handler === undefined
      ? "there is no emulator for it"
      : `its handler ${handler.name} lacks flag F and would not work in a container`;
  return new AppError(
    "PLAN_NO_EMULATOR",
    `${label?.text ?? "a RUN"} runs on ${platform}, this machine is ${formatPlatform(machine.platform)} and ${found}`,
    {
      source: label?.source,
      hint:
        `start the stage with FROM --platform=$BUILDPLATFORM and cross-compile (Go: GOOS=$TARGETOS GOARCH=$TARGETARCH), ` +
        `or leave ${platform} out of --platform, or have root register qemu-user with flag F (apt-get install qemu-user-static)`,
    },
  );
}
