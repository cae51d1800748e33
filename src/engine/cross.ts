import { AppError } from "../base/errors.ts";
import type { SourceRange } from "../base/source.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { Platform } from "../oci/platform.ts";
import type { CopySource, WorkerRequest, WorkerResults } from "../worker/protocol.ts";
import type { CopyStep, RunCrossing, Step, StepLabel } from "./types.ts";

/** What a stage left that was to cross-compile and did not, or could not: its platform needs another strategy. */
export class CrossFailure extends AppError {
  /** The stage and its target, as the plan named them ({@link CopyStep.expectMachine}). */
  readonly origin: string;

  constructor(origin: string, message: string, source?: SourceRange) {
    super("CROSS_FAILED", message, {
      source,
      hint: "Build with --cross=off to have the stage emulated, or cross-compile in the Dockerfile: FROM --platform=$BUILDPLATFORM.",
    });
    this.name = "CrossFailure";
    this.origin = origin;
  }
}

/** The files that `step` takes must be of the machine they are for. Throws {@link CrossFailure}. */
export async function checkMachines(
  step: CopyStep,
  at: StepLabel | undefined,
  source: CopySource,
  ask: (request: Extract<WorkerRequest, { readonly op: "machines" }>) => Promise<WorkerResults["machines"]>,
): Promise<void> {
  if (step.expectMachine === undefined) return;
  const { platform, origin } = step.expectMachine;
  const { paths, parents, excludes } = step;
  const { wrong } = await ask({
    op: "machines",
    source,
    paths,
    parents,
    excludes,
    architecture: platform.architecture,
  });
  if (wrong.length > 0) throw new CrossFailure(origin, wrongText(wrong, platform), at?.source);
}

/** A file that `step` expects of a stage that cross-compiles, and that is not where it would be otherwise. */
export function missingCrossed(step: Step, error: unknown): unknown {
  if (step.kind !== "copy" || step.expectMachine === undefined) return error;
  if (!(error instanceof AppError) || error.code !== "COPY_NOT_FOUND") return error;
  return new CrossFailure(
    step.expectMachine.origin,
    `a stage that cross-compiles lacks a file: ${error.message}`,
    error.source,
  );
}

function wrongText(wrong: WorkerResults["machines"]["wrong"], platform: Platform): string {
  const names = wrong.map(({ path, architecture }) => `${path} is for ${architecture}`).join(", ");
  return `a stage that was cross-compiled for ${formatPlatform(platform)} left other binaries: ${names}`;
}

/** What shells, Go and the kernel say where a program for the target was run on the machine. */
const RUNS_TARGET = /exec format error|cannot install cross-compiled binaries|cannot execute binary file/i;

/** Remembers the end of a RUN's output, to tell by it why a RUN of a crossed stage failed. */
export class OutputTail {
  #text = "";

  add(data: Uint8Array): void {
    this.#text = (this.#text + Buffer.from(data).toString("latin1")).slice(-TAIL);
  }

  /** What failed, as a {@link CrossFailure} where it was the crossing that broke it. */
  judge(error: unknown, cross: RunCrossing | undefined, text: string): unknown {
    if (cross === undefined || !(error instanceof AppError) || error.code !== "RUN_FAILED") return error;
    if (cross.namesBuild && !RUNS_TARGET.test(`${this.#text}\n${error.message}`)) return error;
    const message = `${text} failed in a stage that cross-compiles: ${error.message}`;
    return new CrossFailure(cross.origin, message, error.source);
  }
}

const TAIL = 8192;
