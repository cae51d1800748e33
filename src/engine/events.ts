import type { AppError } from "../base/errors.ts";
import type { SourceRange } from "../base/source.ts";
import type { Transfer } from "../base/transfer.ts";
import type { StepId } from "./types.ts";

/**
 * The one vocabulary in which a build speaks of itself. Progress on a terminal, the CI log, the JSON
 * log and the report are readers of this stream; none of them asks the engine anything else.
 */
export type BuildEvent = { readonly time: number } & BuildEventBody;

/** `time` of each event: milliseconds since the build began, from a monotonic clock. */
export type BuildEventBody =
  | BuildStarted
  | BuildPlanned
  | StepStarted
  | StepCached
  | StepOutput
  | StepDone
  | StepFailed
  | StepCanceled
  | LayerStarted
  | LayerDone
  | Transfer
  | Note
  | BuildDone
  | BuildFailed;

export interface BuildStarted {
  readonly kind: "build.started";
  /** `linux/arm/v7`, in the order asked for. */
  readonly platforms: readonly string[];
  readonly dockerfile: string;
}

/** The base images are resolved and the graph is there. */
export interface BuildPlanned {
  readonly kind: "build.planned";
  /** Number of steps of the graph. */
  readonly steps: number;
  /** How each stage comes to be made for each platform, in the order of the file. */
  readonly stages: readonly StagePlan[];
}

/** A stage for one target platform. */
export interface StagePlan {
  readonly index: number;
  readonly name: string;
  /** Line of its FROM. */
  readonly line: number;
  /** The platform of the image it is made for. */
  readonly target: string;
  /** Where its RUNs run. */
  readonly platform: string;
  readonly strategy: "native" | "cross" | "emulated" | "shared";
  readonly reason: string;
  /** Number of its steps. */
  readonly steps: number;
  /** Steps that other platforms have too, and that are made once. */
  readonly shared: number;
  readonly runs: readonly RunPlan[];
}

export interface RunPlan {
  readonly line: number;
  readonly text: string;
  readonly platform: string;
  /** What its binaries run with; null where this machine runs them by itself. */
  readonly emulator: string | null;
}

/** How readers show a step; each step event carries it, so that a reader needs no memory of the graph. */
export interface StepName {
  readonly step: StepId;
  /** `build 3/6`; `context`, `base` for sources. */
  readonly stage: string;
  /** `RUN go build ./...` */
  readonly text: string;
  /** Target platforms that share this step, formatted. */
  readonly platforms: readonly string[];
  /** True where every platform of the build shares it. */
  readonly shared: boolean;
}

export interface StepStarted extends StepName {
  readonly kind: "step.started";
  /** Why it has to run: `content changed: main.go (content)`. */
  readonly reason: string;
}

export interface StepCached extends StepName {
  readonly kind: "step.cached";
  /** How it is known: `result in the store`, `not needed again`. */
  readonly reason: string;
}

export interface StepOutput {
  readonly kind: "step.output";
  readonly step: StepId;
  readonly stream: "stdout" | "stderr";
  readonly data: Uint8Array;
}

export interface StepDone extends StepName {
  readonly kind: "step.done";
  readonly milliseconds: number;
}

export interface StepFailed extends StepName {
  readonly kind: "step.failed";
  readonly milliseconds: number;
  readonly error: AppError;
}

/** Ended before it was done, because something else failed or the build was interrupted. */
export interface StepCanceled extends StepName {
  readonly kind: "step.canceled";
  readonly milliseconds: number;
}

/** The layer of a step whose files are there is packed for an image, or extracted so that others can stand on it. */
export interface LayerStarted extends StepName {
  readonly kind: "layer.started";
  readonly action: "pack" | "extract";
}

export interface LayerDone extends StepName {
  readonly kind: "layer.done";
  readonly action: "pack" | "extract";
  readonly milliseconds: number;
}

/** Something the user should know that is no step: a finding in the Dockerfile, cache trouble, a fallback. */
export interface Note {
  readonly kind: "note";
  readonly level: "info" | "warning";
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly source?: SourceRange | undefined;
}

export interface BuildDone {
  readonly kind: "build.done";
  readonly milliseconds: number;
  readonly stepsRun: number;
  readonly stepsCached: number;
  readonly layersPushed: number;
  /** Layers the registry had or mounted. */
  readonly layersSkipped: number;
  readonly bytesPushed: number;
  readonly bytesPulled: number;
  /** Digest of the index or manifest, where an image was made. */
  readonly digest: string | undefined;
  /** What was made, a line each: `localhost:5000/demo/web:latest`, `dist/web.tar`. */
  readonly outputs: readonly string[];
}

export interface BuildFailed {
  readonly kind: "build.failed";
  readonly milliseconds: number;
  readonly error: AppError;
}

export type EventSink = (event: BuildEventBody) => void;
