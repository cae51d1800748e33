import type { CopyStep, HistoryItem, StepId } from "../../../engine/types.ts";
import type { ImageConfig, RuntimeConfig } from "../../../oci/config.ts";
import type { Environment } from "../expansion/expand.ts";
import type { DirectoryBase } from "./base.ts";
import type { StageLayout } from "./layout.ts";
import { directoryStep, imageStep, scratchSource, scratchStep } from "./sources.ts";
import { addStep, setVariable } from "./state.ts";
import type { Conversion, StageChecks, StageState } from "./state.ts";

const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The state of a stage before its first instruction: what its base leaves it. */
export function beginStage(layout: StageLayout, conversion: Conversion): StageState {
  const inherited = inherit(layout, conversion);
  const state: StageState = {
    ...inherited,
    layout,
    conversion,
    platform: layout.platform,
    root: "" as StepId,
    hasCmd: false,
    steps: [],
    checks: beginChecks(layout, conversion),
    stepIndex: 0,
    stepCount: countSteps(layout),
  };
  state.root = baseRoot(state);
  withDefaultPath(state);
  // What the image sets counts more than an ARG of the stage below.
  for (const variable of state.config.Env ?? []) setVariable(state, ...splitVariable(variable));
  return state;
}

type Inherited = Pick<StageState, "image" | "config" | "history" | "env" | "args">;

function inherit({ base, platform }: StageLayout, conversion: Conversion): Inherited {
  switch (base.kind) {
    case "scratch":
    case "directory":
      return { ...fresh, image: platformOf(platform), config: { Env: [DEFAULT_PATH], WorkingDir: "/" } };
    case "image":
      return { ...fresh, ...fromImage(conversion.images(base).config) };
    case "stage": {
      const { image, config: left, history, env, args } = conversion.stages.get(base.index)!;
      const { OnBuild: _triggers, ...config } = left;
      return { image, config, history, env, args };
    }
  }
}

const fresh: Pick<Inherited, "history" | "env" | "args"> = {
  history: [],
  env: new Map() as Environment,
  args: new Map<string, string>(),
};

/** The base's config without its triggers and its time; members nobody knows stay. */
function fromImage(config: ImageConfig): Pick<Inherited, "image" | "config" | "history"> {
  const { created: _created, rootfs: _rootfs, history = [], config: runtime, ...image } = config;
  const { OnBuild: _triggers, ...kept } = runtime;
  return {
    image,
    config: kept satisfies RuntimeConfig,
    history: history.map((entry): HistoryItem => ({ kind: "base", entry })),
  };
}

function baseRoot(state: StageState): StepId {
  const { layout, conversion } = state;
  const { base, stage } = layout;
  switch (base.kind) {
    case "stage":
      return conversion.stages.get(base.index)!.root;
    case "scratch":
      return conversion.graph.add(scratchStep, { stage: "image", text: "scratch", target: conversion.layout.target });
    case "directory":
      // As in BuildKit, it is counted, and its number is nobody's.
      return conversion.graph.add(copyOfAll(state, base), {
        stage: `context ${base.name}`,
        text: `FROM ${base.name}`,
        target: conversion.layout.target,
        source: stage.from.node.source,
      });
    case "image":
      return addStep(state, imageStep(base, conversion), stage.from.node, `FROM ${base.name}`);
  }
}

/** `FROM` a directory begins with its files. */
function copyOfAll(state: StageState, base: DirectoryBase): CopyStep {
  const from = directoryStep(state, base);
  return { kind: "copy", base: scratchSource(state), from, paths: ["."], destination: "/", intoDirectory: true };
}

/** A WORKDIR of the stage below counts, its other instructions do not. */
function beginChecks({ base }: StageLayout, { stages, images }: Conversion): StageChecks {
  const below = base.kind === "stage" ? stages.get(base.index)!.checks : undefined;
  return {
    hasWorkdir: below?.hasWorkdir ?? false,
    knowsBase: below?.knowsBase ?? !(base.kind === "image" && images(base).isUnknown === true),
    latest: new Map(),
  };
}

function withDefaultPath(state: StageState): void {
  const env = state.config.Env ?? [];
  if (env.some((variable) => splitVariable(variable)[0] === "PATH")) return;
  state.config = { ...state.config, Env: [...env, DEFAULT_PATH] };
}

/** Steps with a number: the image and whatever makes a layer. */
function countSteps({ base, stage }: StageLayout): number {
  const layers = stage.instructions.filter(
    (instruction) =>
      ["run", "copy", "add"].includes(instruction.kind) ||
      (instruction.kind === "workdir" && instruction.path.text !== "/"),
  );
  return layers.length + (base.kind === "image" || base.kind === "directory" ? 1 : 0);
}

function platformOf(platform: StageLayout["platform"]): Inherited["image"] {
  const { os, architecture, variant, osVersion, osFeatures } = platform;
  return { os, architecture, variant, osVersion, osFeatures };
}

function splitVariable(variable: string): [name: string, value: string] {
  const equals = variable.indexOf("=");
  return equals < 0 ? [variable, ""] : [variable.slice(0, equals), variable.slice(equals + 1)];
}
