import { AppError, messageOf, withSource } from "../base/errors.ts";
import type { SourceRange } from "../base/source.ts";
import { formatPlatform } from "../oci/platform.ts";
import { isFiles } from "./chain.ts";
import type { EventSink, StepName } from "./events.ts";
import type { Graph, StepId, StepLabel } from "./types.ts";

/** Tells the event sink what happens to each step, once, and counts. */
export class StepReporter {
  readonly #graph: Graph;
  readonly #emit: EventSink;
  readonly #platforms: number;
  readonly #signal: AbortSignal;
  readonly #told = new Set<StepId>();
  readonly ran = new Set<StepId>();
  readonly cached = new Set<StepId>();

  /** Steps that end after `signal` was aborted were canceled; they did not fail. */
  constructor(graph: Graph, platforms: number, signal: AbortSignal, emit: EventSink) {
    this.#graph = graph;
    this.#signal = signal;
    this.#platforms = platforms;
    this.#emit = emit;
  }

  name(id: StepId): StepName {
    const labels = this.#labels(id);
    const platforms = [...new Set(labels.map((label) => formatPlatform(label.target)))];
    const first = labels[0];
    return {
      step: id,
      stage: first?.stage ?? "",
      text: first?.text ?? "",
      platforms,
      shared: platforms.length === this.#platforms && this.#platforms > 1,
    };
  }

  /** The step's result was at hand. Said once, and not of a step that ran. */
  hit(id: StepId, reason: string): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    this.cached.add(id);
    this.#emit({ kind: "step.cached", ...this.name(id), reason });
  }

  output(id: StepId, stream: "stdout" | "stderr", data: Uint8Array): void {
    this.#emit({ kind: "step.output", step: id, stream, data });
  }

  /** Runs `body` as the step's execution; its error leaves with the instruction's position. */
  async execute<T>(id: StepId, reason: string, body: () => Promise<T>): Promise<T> {
    this.#told.add(id);
    this.ran.add(id);
    const name = this.name(id);
    const start = performance.now();
    this.#emit({ kind: "step.started", ...name, reason });
    try {
      const result = await body();
      this.#emit({ kind: "step.done", ...name, milliseconds: performance.now() - start });
      return result;
    } catch (cause) {
      const milliseconds = performance.now() - start;
      if (this.#signal.aborted) {
        this.#emit({ kind: "step.canceled", ...name, milliseconds });
        throw cause;
      }
      const error = this.positioned(id, cause);
      this.#emit({ kind: "step.failed", ...name, milliseconds, error });
      throw error;
    }
  }

  /** Tells that the layer of a finished step is packed, or extracted again: seconds, where it is large. */
  async layer<T>(id: StepId, action: "pack" | "extract", body: () => Promise<T>): Promise<T> {
    const name = this.name(id);
    const start = performance.now();
    this.#emit({ kind: "layer.started", ...name, action });
    const result = await body();
    this.#emit({ kind: "layer.done", ...name, action, milliseconds: performance.now() - start });
    return result;
  }

  /** The error with the instruction's place in the Dockerfile. */
  positioned(id: StepId, cause: unknown): AppError {
    const error = cause instanceof AppError ? cause : new AppError("INTERNAL", messageOf(cause), { cause });
    const source = this.#labels(id)[0]?.source;
    // A position says that the step itself was here already: this one only waited for it.
    if (this.#platforms > 1 && error.code === "RUN_FAILED" && error.source === undefined) {
      return withPlace(error, this.name(id), source);
    }
    return source === undefined ? error : (withSource(error, source) as AppError);
  }

  /** The steps nothing asked for, as what they lead to was known. */
  rest(): void {
    for (const [id, step] of this.#graph.steps) {
      if (step.kind === "scratch" || step.kind === "image" || isFiles(step)) continue;
      if (this.#labels(id).length > 0) this.hit(id, "what it leads to is known");
    }
  }

  #labels(id: StepId): readonly StepLabel[] {
    return this.#graph.labels.get(id) ?? [];
  }
}

/** Of a build for several platforms, the first line says which one failed. */
function withPlace(error: AppError, { platforms, stage }: StepName, source: SourceRange | undefined): AppError {
  const [first = "", ...rest] = error.message.split("\n");
  const place = ` (${platforms.join(", ")}, ${stage})`;
  return new AppError(error.code, [`${first}${place}`, ...rest].join("\n"), {
    hint: error.hint,
    source,
    cause: error.cause,
    retryable: error.retryable,
  });
}
