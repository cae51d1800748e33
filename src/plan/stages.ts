import type { RunPlan, StagePlan } from "../engine/events.ts";
import type { BuildPlan, StepId, Target, TargetStage } from "../engine/types.ts";
import { formatPlatform, platformsEqual, type Platform } from "../oci/platform.ts";
import { describeEmulation } from "../sandbox/emulation/describe.ts";
import type { Strategies, Strategy } from "./strategies.ts";

/** Each stage of each target, in the order of the file and then of the targets. */
export function planStages(plan: BuildPlan, strategies: Strategies): readonly StagePlan[] {
  const rows = plan.targets.flatMap((target) =>
    target.stages.map((stage) => planStage(plan, target, stage, strategies)),
  );
  return rows.toSorted((a, b) => a.index - b.index);
}

function planStage(plan: BuildPlan, target: Target, stage: TargetStage, strategies: Strategies): StagePlan {
  const runs = plannedRuns(plan, target, stage, strategies);
  const shared = stage.steps.filter((id) => (plan.graph.labels.get(id) ?? []).length > 1).length;
  const all = plan.targets.length > 1 && shared === stage.steps.length && shared > 0;
  return {
    index: stage.index,
    name: stage.name,
    line: stage.source.start.line,
    target: formatPlatform(target.platform),
    platform: formatPlatform(stage.platform),
    ...strategyOf({ runs, all, isCrossed: stage.crossed, target: target.platform, platform: stage.platform }),
    steps: stage.steps.length,
    shared,
    runs,
  };
}

function plannedRuns(
  { graph }: BuildPlan,
  target: Target,
  stage: TargetStage,
  strategies: Strategies,
): readonly RunPlan[] {
  return stage.steps.flatMap((id: StepId) => {
    const step = graph.steps.get(id);
    if (step?.kind !== "run") return [];
    const labels = graph.labels.get(id) ?? [];
    const label = labels.find((one) => platformsEqual(one.target, target.platform)) ?? labels[0];
    const strategy = strategies.get(id);
    return {
      line: label?.source?.start.line ?? stage.source.start.line,
      text: label?.text ?? "RUN",
      platform: formatPlatform(step.platform),
      emulator: emulatorOf(strategy),
    };
  });
}

function emulatorOf(strategy: Strategy | undefined): string | null {
  switch (strategy?.kind) {
    case "emulated":
      return describeEmulation(strategy.emulation);
    case "none":
      return "which nothing here can run";
    default:
      return null;
  }
}

interface Facts {
  readonly runs: readonly RunPlan[];
  /** Every step is another platform's too. */
  readonly all: boolean;
  /** By --cross=auto. */
  readonly isCrossed: boolean;
  readonly target: Platform;
  readonly platform: Platform;
}

function strategyOf(facts: Facts): Pick<StagePlan, "strategy" | "reason"> {
  const { runs, all, isCrossed, target, platform } = facts;
  const emulated = runs.filter(({ emulator }) => emulator !== null);
  const once = "the same for every platform: made once";
  const [first] = emulated;
  if (first !== undefined) {
    const count = `${emulated.length} of ${plural(runs.length, "RUN")}`;
    const where = first.platform === formatPlatform(target) ? "" : ` for ${first.platform}`;
    return { strategy: "emulated", reason: `${count}${where} ${first.emulator}${all ? `; ${once}` : ""}` };
  }
  if (isCrossed)
    return {
      strategy: "cross",
      reason: `--cross: runs on ${formatPlatform(platform)}, Go compiles for ${formatPlatform(target)}`,
    };
  if (all) return { strategy: "shared", reason: once };
  if (runs.length === 0) return { strategy: "native", reason: "no RUN: files only" };
  if (!platformsEqual(platform, target))
    return { strategy: "cross", reason: `--platform of its FROM: runs on ${formatPlatform(platform)}` };
  return { strategy: "native", reason: `this machine runs ${formatPlatform(platform)}` };
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
