import { withSource } from "../../../base/errors.ts";
import { cleanPath } from "../../../base/clean-path.ts";
import type { GraphBuilder } from "../../../engine/graph.ts";
import type { HistoryItem, Step, StepId, StepLabel } from "../../../engine/types.ts";
import type { ImageConfig, RuntimeConfig } from "../../../oci/config.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import { expand } from "../expansion/expand.ts";
import type { Environment } from "../expansion/expand.ts";
import type { Stage } from "../instructions/types.ts";
import { suggest } from "../suggest.ts";
import type { Globals } from "./globals.ts";
import type { ResolvedImages } from "./images.ts";
import type { Layout, StageLayout } from "./layout.ts";
import type { NoteBook } from "./notes.ts";
import type { PlanRequest } from "./request.ts";
import { expandAt, variableRange } from "./words.ts";

/** What converting the stages of one target shares. */
export interface Conversion {
  readonly request: PlanRequest;
  readonly layout: Layout;
  readonly globals: Globals;
  readonly images: ResolvedImages;
  readonly escape: EscapeCharacter;
  readonly graph: GraphBuilder;
  readonly notes: NoteBook;
  /** Proxy variables of the build args: for every RUN, in no key. */
  readonly hiddenEnv: readonly string[];
  /** Stages converted so far, by index. */
  readonly stages: Map<number, StageState>;
}

/** A stage as its instructions have left it so far. Instructions replace its members, never what they hold. */
export interface StageState {
  readonly layout: StageLayout;
  readonly conversion: Conversion;
  readonly platform: Platform;
  /** The step whose chain is the file system. */
  root: StepId;
  image: Omit<ImageConfig, "config" | "created" | "rootfs" | "history">;
  config: RuntimeConfig;
  history: readonly HistoryItem[];
  /** ENV and the ARGs that have a value, by the time they were last set. */
  env: Environment;
  /** Declared ARGs in order, those of the stages below included; empty where they have no value. */
  args: ReadonlyMap<string, string>;
  /** CMD was given in this stage, so that ENTRYPOINT keeps it. */
  hasCmd: boolean;
  /** Those of its own instructions, in order. */
  steps: readonly StepId[];
  /** How many of `stepCount` steps are labelled. */
  stepIndex: number;
  readonly stepCount: number;
}

/** Expands a word with the stage's variables; names that are not set are noted. */
export function expandWord(state: StageState, node: InstructionNode, word: Word): string {
  return expandNoting(state, node, word).text;
}

/** Expands text that holds no words: quotes are characters, and the escape is a backslash whatever the directive says. */
export function expandText(state: StageState, node: InstructionNode, text: string): string {
  try {
    return expand(text, state.env, { ignoreQuotes: true }).text;
  } catch (error) {
    throw withSource(error, node.source);
  }
}

export function expandWords(state: StageState, node: InstructionNode, word: Word): readonly string[] {
  return expandNoting(state, node, word).words;
}

function expandNoting(state: StageState, node: InstructionNode, word: Word): ReturnType<typeof expandAt> {
  const expansion = expandAt(node, word, state.env, state.conversion.escape);
  for (const name of expansion.unmatched) {
    if (state.args.has(name)) continue;
    const similar = suggest(name, state.env.keys());
    state.conversion.notes.add({
      code: "UndefinedVar",
      message: `${node.name} uses ${name}, which is not set${similar === undefined ? "" : ` (did you mean ${similar}?)`}`,
      source: variableRange(node, word, name),
    });
  }
  return expansion;
}

/** Sets a variable, behind all that were set before. */
export function setVariable(state: StageState, name: string, value: string): void {
  const env = new Map(state.env);
  env.delete(name);
  state.env = env.set(name, value);
}

/** Adds a step for an instruction and counts it among the stage's. */
export function addStep(state: StageState, step: Step, node: InstructionNode, text = instructionText(node)): StepId {
  const id = state.conversion.graph.add(step, { ...nextLabel(state), text, source: node.source });
  state.steps = [...state.steps, id];
  return id;
}

/** Makes `step` the stage's file system, with its item in the history. */
export function commitStep(state: StageState, step: Step, node: InstructionNode, createdBy: string): void {
  state.root = addStep(state, step, node);
  state.history = [...state.history, { kind: "layer", createdBy, step: state.root }];
}

/** An item of an instruction that changes the config only. */
export function commitEmpty(state: StageState, createdBy: string): void {
  state.history = [...state.history, { kind: "empty", createdBy }];
}

/** `path` from the working directory: joined and clean; as written where it is absolute; the directory itself where empty. */
export function fromWorkingDirectory(state: StageState, path: string): string {
  if (path.startsWith("/")) return path;
  const current = state.config.WorkingDir ?? "";
  const absolute = current.startsWith("/") ? current : cleanPath(`/${current}`);
  return path === "" ? absolute : cleanPath(`${absolute}/${path}`);
}

export function stageName({ from, index }: Stage): string {
  return from.name ?? `stage-${index}`;
}

function nextLabel(state: StageState): Pick<StepLabel, "stage" | "target"> {
  state.stepIndex++;
  const { layout, conversion } = state;
  const count = `${state.stepIndex}/${state.stepCount}`;
  const only = conversion.layout.stages.length === 1;
  return { stage: only ? count : `${stageName(layout.stage)} ${count}`, target: conversion.layout.target };
}

function instructionText({ name, keyword, text }: InstructionNode): string {
  return name + text.slice(keyword.length);
}
