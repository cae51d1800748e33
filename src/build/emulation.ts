import type { EventSink } from "../engine/events.ts";
import type { RunStep } from "../engine/types.ts";
import { formatPlatform, hostPlatform } from "../oci/platform.ts";
import type { Platform } from "../oci/platform.ts";
import type { Ground } from "../plan/refusal.ts";
import { chooseStrategies, foreignArchitectures } from "../plan/strategies.ts";
import type { Strategies } from "../plan/strategies.ts";
import { describeEmulation } from "../sandbox/emulation/describe.ts";
import type { KernelsPart } from "../sandbox/emulation/find-emulation.ts";
import type { Emulation, Emulator } from "../sandbox/emulation/types.ts";
import { allowedRungs } from "../sandbox/rung.ts";
import type { RungChoice, RungName } from "../sandbox/rung.ts";
import { stepId } from "../engine/graph.ts";
import type { PlannedBuild } from "./plan-request.ts";
import type { Workshop } from "./workshop.ts";

/** A strategy for each RUN. What is tried to find them is only tried where a RUN is not this machine's. */
export async function strategiesOf(plan: PlannedBuild, workshop: Workshop, choice: RungChoice): Promise<Strategies> {
  const platform = hostPlatform();
  const names = foreignArchitectures(plan, platform);
  const emulation = names.length === 0 ? new Map() : await emulationOf(names, platform.architecture, workshop, choice);
  return chooseStrategies(plan, { platform, emulation });
}

/** This machine and this user, for what is to be refused before any work. */
export function groundOf(choice: RungChoice): Ground {
  return { machine: hostPlatform(), choice, isRoot: process.getuid?.() === 0 };
}

async function emulationOf(
  names: readonly string[],
  machine: string,
  workshop: Workshop,
  choice: RungChoice,
): Promise<ReadonlyMap<string, Emulation>> {
  const { findEmulation } = await import("../sandbox/emulation/find-emulation.ts");
  const { session, signal, searchPath: path } = workshop;
  const rungs = allowedRungs(choice);
  const kernel = await kernelsPart(rungs, workshop);
  const directory = session().tempPath("probe");
  return findEmulation(names, { machine, directory, path, signal, kernel, tracer: rungs.includes("proot") });
}

/** What of the kernel's RUNs can have on the rungs that may be used and are to be had. */
async function kernelsPart(rungs: readonly RungName[], { searchPath, signal }: Workshop): Promise<KernelsPart> {
  const isRoot = process.getuid?.() === 0;
  if (rungs.includes("runtime") || rungs.includes("namespace")) {
    if (isRoot) return "namespaces";
    const { mayMapIds } = await import("../worker/may-map-ids.ts");
    if (await mayMapIds(searchPath, signal)) return "namespaces";
  }
  return isRoot && rungs.includes("chroot") ? "handlers" : "none";
}

/** Whether a handler of ours is needed, which is nobody else's in a user namespace only. */
export function needsOwnNamespace(strategies: Strategies): boolean {
  return [...strategies.values()].some((one) => one.kind === "emulated" && one.emulation.kind === "own");
}

/** Whether a RUN's programs can only be emulated under a tracer. */
export function needsTracer(strategies: Strategies): boolean {
  return [...strategies.values()].some((one) => one.kind === "emulated" && one.emulation.kind === "proot");
}

/** What the engine hands the worker with a RUN; `onUse` is called for each. */
export function emulatorOf(
  strategies: Strategies,
  onUse: (platform: Platform, emulation: Emulation) => void,
): (step: RunStep) => Emulator | undefined {
  return (step) => {
    const strategy = strategies.get(stepId(step));
    if (strategy?.kind !== "emulated") return undefined;
    const { emulation } = strategy;
    onUse(step.platform, emulation);
    return emulation.kind === "host" ? undefined : emulation;
  };
}

/** Says of a platform what its binaries run with, when one of them does. */
export function emulationNotes(emit: EventSink): (platform: Platform, emulation: Emulation) => void {
  return (platform, emulation) => {
    const message = `${formatPlatform(platform)} runs ${describeEmulation(emulation)}`;
    emit({ kind: "note", level: "info", code: "EMULATION", message });
  };
}
