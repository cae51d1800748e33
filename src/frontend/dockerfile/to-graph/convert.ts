import { assertNever, withSource } from "../../../base/errors.ts";
import type { Target, TargetStage } from "../../../engine/types.ts";
import type { ImageConfig } from "../../../oci/config.ts";
import { normalizePlatform } from "../../../oci/platform.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { Instruction } from "../instructions/types.ts";
import { convertArg } from "./arg.ts";
import { beginStage } from "./begin.ts";
import {
  convertCmd,
  convertEntrypoint,
  convertEnv,
  convertHealthcheck,
  convertLabel,
  convertUser,
  convertVolume,
} from "./config.ts";
import { convertCopy } from "./copy.ts";
import { convertExpose } from "./expose.ts";
import { convertRun } from "./run.ts";
import { commitEmpty, stageName } from "./state.ts";
import type { Conversion, StageState } from "./state.ts";
import { convertStopSignal } from "./stop-signal.ts";
import { convertWorkdir } from "./workdir.ts";

/** Turns the reachable stages of one target platform into steps. */
export function convertTarget(conversion: Conversion): Target {
  const { layout, stages, request } = conversion;
  for (const stage of layout.reachable) stages.set(stage.stage.index, convertStage(beginStage(stage, conversion)));
  const { root, image, config, history } = stages.get(layout.goal.stage.index)!;
  const labels = { ...config.Labels, ...request.labels };
  const labelled = Object.keys(labels).length > 0 ? { ...config, Labels: labels } : config;
  const platform = request.impliedPlatform === true ? impliedPlatform(image, layout.target) : layout.target;
  return {
    platform,
    stages: [...stages.values()].map(targetStage),
    root,
    config: { ...withPlatform(image, platform), config: labelled },
    history,
  };
}

/** As in BuildKit: `FROM --platform=linux/arm64 IMAGE` makes an image for arm64 where nobody said another. */
function impliedPlatform({ os, architecture, variant }: StageState["image"], target: Platform): Platform {
  if (os === target.os && architecture === target.architecture) return target;
  return normalizePlatform({ os, architecture, ...(variant !== undefined && { variant }) });
}

function targetStage({ layout: { stage, platform, crossing }, steps }: StageState): TargetStage {
  const { source } = stage.from.node;
  return { index: stage.index, name: stageName(stage), source, platform, crossed: crossing !== undefined, steps };
}

function convertStage(state: StageState): StageState {
  for (const instruction of state.layout.stage.instructions) {
    try {
      convertInstruction(state, instruction);
    } catch (error) {
      throw withSource(error, instruction.node.source);
    }
  }
  return state;
}

function convertInstruction(state: StageState, instruction: Instruction): void {
  switch (instruction.kind) {
    case "arg":
      return convertArg(state, instruction);
    case "env":
      return convertEnv(state, instruction);
    case "label":
      return convertLabel(state, instruction);
    case "run":
      return convertRun(state, instruction);
    case "copy":
    case "add":
      return convertCopy(state, instruction);
    case "workdir":
      return convertWorkdir(state, instruction);
    case "user":
      return convertUser(state, instruction);
    case "expose":
      return convertExpose(state, instruction);
    case "volume":
      return convertVolume(state, instruction);
    case "stopsignal":
      return convertStopSignal(state, instruction);
    case "cmd":
      return convertCmd(state, instruction);
    case "entrypoint":
      return convertEntrypoint(state, instruction);
    case "healthcheck":
      return convertHealthcheck(state, instruction);
    case "shell":
      state.config = { ...state.config, Shell: instruction.shell };
      return commitEmpty(state, `SHELL [${instruction.shell.join(" ")}]`);
    case "maintainer":
      state.image = { ...state.image, author: instruction.author };
      return commitEmpty(state, `MAINTAINER ${instruction.author}`);
    case "onbuild":
      // BuildKit gives it no item in the history.
      state.config = { ...state.config, OnBuild: [...(state.config.OnBuild ?? []), instruction.expression] };
      return;
    default:
      assertNever(instruction);
  }
}

/**
 * The platform that was asked for, whatever the base says it is. A variant and a version of the base
 * stay as they are written where the target names none and is of the same kind.
 */
function withPlatform(image: StageState["image"], target: Platform): Omit<ImageConfig, "config"> {
  const isSame = image.os === target.os && image.architecture === target.architecture;
  const { os: _os, architecture: _architecture, variant, osVersion, osFeatures, ...rest } = image;
  const kept = {
    variant: target.variant ?? (isSame ? variant : undefined),
    osVersion: target.osVersion ?? (isSame ? osVersion : undefined),
    osFeatures: target.osFeatures ?? osFeatures,
  };
  return {
    ...rest,
    os: target.os,
    architecture: target.architecture,
    ...(kept.variant && { variant: kept.variant }),
    ...(kept.osVersion && { osVersion: kept.osVersion }),
    ...(kept.osFeatures && { osFeatures: kept.osFeatures }),
  };
}
