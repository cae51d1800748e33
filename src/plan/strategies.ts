import { AppError } from "../base/errors.ts";
import type { BuildPlan, RunStep, StepId } from "../engine/types.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { allowedRungs } from "../sandbox/rung.ts";
import type { RungChoice } from "../sandbox/rung.ts";
import type { Emulation } from "../sandbox/emulation/types.ts";

/** How a RUN comes to run on this machine. */
export type Strategy =
  | { readonly kind: "native" }
  | { readonly kind: "emulated"; readonly emulation: Exclude<Emulation, { readonly kind: "native" | "none" }> }
  /** It cannot; a reason for each way that was tried. */
  | { readonly kind: "none"; readonly reasons: readonly string[] };

export type Strategies = ReadonlyMap<StepId, Strategy>;

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

/** Chooses a strategy for every RUN of the plan. */
export function chooseStrategies(plan: BuildPlan, machine: Machine): Strategies {
  const chosen = new Map<StepId, Strategy>();
  for (const [id, step] of plan.graph.steps) {
    if (step.kind !== "run") continue;
    const emulation = emulationFor(step, machine);
    const isEmulated = emulation.kind !== "native" && emulation.kind !== "none";
    chosen.set(id, isEmulated ? { kind: "emulated", emulation } : emulation);
  }
  return chosen;
}

/**
 * `PLAN_NO_EMULATOR` for the first RUN that needs an emulator which is not to be had. To be thrown before
 * any work: better than `exec format error` after ten minutes.
 */
export function missingEmulator(
  plan: BuildPlan,
  strategies: Strategies,
  machine: Platform,
  choice: RungChoice = {},
): AppError | undefined {
  for (const [id, strategy] of strategies) {
    const step = plan.graph.steps.get(id);
    if (strategy.kind === "none" && step?.kind === "run")
      return noEmulator(plan, id, step, machine, strategy.reasons, choice);
  }
  return undefined;
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
  machine: Platform,
  reasons: readonly string[],
  choice: RungChoice,
): AppError {
  const label = plan.graph.labels.get(id)?.[0];
  const platform = formatPlatform(step.platform);
  const here = formatPlatform(machine);
  const why = reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
  const flag = rulingOut(choice);
  const has = flag === undefined ? "has no emulator for it" : `with ${flag} has no emulator for it`;
  return new AppError(
    "PLAN_NO_EMULATOR",
    `${label?.text ?? "a RUN"} runs on ${platform}, this machine is ${here} and ${has}${why}`,
    {
      source: label?.source,
      hint:
        (flag === undefined ? "" : `leave out ${flag}, which rules out ways to emulate, or `) +
        `start the stage with FROM --platform=$BUILDPLATFORM and cross-compile (Go: GOOS=$TARGETOS GOARCH=$TARGETARCH), ` +
        `or leave ${platform} out of --platform${reasons.some(isCuredByQemu) || flag === undefined ? INSTALL : ""}`,
    },
  );
}

const INSTALL =
  ", or have root install qemu-user-static (static, where the kernel is older than 6.7 or user namespaces are refused)";

function isCuredByQemu(reason: string): boolean {
  return /^there is no qemu-|not linked statically/.test(reason);
}

/** The flag that keeps RUNs from the rungs that emulate: with namespaces of their own, or by a tracer. */
function rulingOut(choice: RungChoice): string | undefined {
  const rungs = allowedRungs(choice);
  if (rungs.includes("proot") && (rungs.includes("namespace") || rungs.includes("runtime"))) return undefined;
  return choice.forced === undefined ? `--min-sandbox=${choice.lowest}` : `--sandbox=${choice.forced}`;
}
