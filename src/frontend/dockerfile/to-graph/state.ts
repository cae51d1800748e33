import { withSource } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { redactUserinfo } from "../../../base/redact.ts";
import { cleanPath } from "../../../base/clean-path.ts";
import type { GraphBuilder } from "../../../engine/graph.ts";
import type { HistoryItem, Step, StepId, StepLabel } from "../../../engine/types.ts";
import type { ImageConfig, RuntimeConfig } from "../../../oci/config.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import { variableRange } from "../errors.ts";
import { expand } from "../expansion/expand.ts";
import type { Environment, Expansion } from "../expansion/expand.ts";
import type { Stage } from "../instructions/types.ts";
import type { Linter, Place } from "../lint/linter.ts";
import { reportUndefinedVariable } from "../lint/variables.ts";
import type { Globals } from "./globals.ts";
import type { ResolvedImages } from "./images.ts";
import type { Layout, StageLayout } from "./layout.ts";
import type { PlanRequest } from "./request.ts";
import { expandAt } from "./words.ts";

/** What converting the stages of one target shares. */
export interface Conversion {
  readonly request: PlanRequest;
  readonly layout: Layout;
  readonly globals: Globals;
  readonly images: ResolvedImages;
  readonly escape: EscapeCharacter;
  readonly graph: GraphBuilder;
  readonly linter: Linter;
  /** Proxy variables of the build args: for every RUN, in no key. */
  readonly hiddenEnv: readonly string[];
  /** Steps of stages that are to be executed whatever is known of them. */
  readonly forced: Set<StepId>;
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
  /** What checks remember of the instructions so far. */
  readonly checks: StageChecks;
}

export interface StageChecks {
  /** Here or in a stage below. */
  hasWorkdir: boolean;
  /** False where the base image was not looked up, so that any variable may be set. */
  readonly knowsBase: boolean;
  /** The last instruction of a kind of which one counts. */
  readonly latest: Map<string, SourceRange>;
}

/** Expands a word with the stage's variables; names that are not set are noted. */
export function expandWord(state: StageState, node: InstructionNode, word: Word): string {
  return expandNoting(state, node, word).text;
}

/** Expands text that holds no words: quotes are characters, and the escape is a backslash whatever the directive says. */
export function expandText(state: StageState, node: InstructionNode, text: string): string {
  try {
    const expansion = expand(text, state.env, { ignoreQuotes: true });
    reportUnset(state, node, expansion);
    return expansion.text;
  } catch (error) {
    throw withSource(error, node.source);
  }
}

/** The words of EXPOSE; BuildKit does not look for names there that are not set. */
export function expandWords(state: StageState, node: InstructionNode, word: Word): readonly string[] {
  return expandAt(node, word, state.env, state.conversion.escape).words;
}

function expandNoting(state: StageState, node: InstructionNode, word: Word): Expansion {
  const expansion = expandAt(node, word, state.env, state.conversion.escape);
  reportUnset(state, node, expansion, word);
  return expansion;
}

function reportUnset(state: StageState, node: InstructionNode, { unmatched }: Expansion, word?: Word): void {
  const { env, args, checks, conversion } = state;
  if (!checks.knowsBase) return;
  const place = placeOf(state, node);
  for (const name of unmatched) {
    if (args.has(name)) continue;
    const focus = word === undefined || place !== node ? undefined : variableRange(node, word, name);
    reportUndefinedVariable(conversion.linter, name, { known: env.keys(), place, focus });
  }
}

/** Where an instruction stands: that of a trigger is its stage's FROM. */
export function placeOf({ layout }: StageState, node: InstructionNode): Place {
  const { from } = layout.stage;
  return node.source.file === from.node.source.file ? node : { source: from.node.source };
}

/** Sets a variable, behind all that were set before. */
export function setVariable(state: StageState, name: string, value: string): void {
  const env = new Map(state.env);
  env.delete(name);
  state.env = env.set(name, value);
}

/** Adds a step for an instruction and counts it among the stage's. */
export function addStep(state: StageState, step: Step, node: InstructionNode, text = instructionText(node)): StepId {
  const { graph, forced } = state.conversion;
  const id = graph.add(step, { ...nextLabel(state), text, source: node.source });
  state.steps = [...state.steps, id];
  if (isForced(state)) forced.add(id);
  return id;
}

function isForced({ layout, conversion }: StageState): boolean {
  const { from, index } = layout.stage;
  return (conversion.request.noCacheStages ?? []).some(
    (name) => name.toLowerCase() === from.name || name === String(index) || name === `stage-${index}`,
  );
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
  return redactUserinfo(name + text.slice(keyword.length));
}
