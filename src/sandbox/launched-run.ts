import { mkdirSync, rmSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import type { ProcessCalls } from "../sys/process-calls.ts";
import type { LaunchJob } from "./launch/job.ts";
import { launchLimits } from "./launch/limits.ts";
import type { Launchers } from "./launch/launcher.ts";
import { markOf } from "./launch/marks.ts";
import type { Marks } from "./launch/marks.ts";
import { runCommand } from "./launch/run-command.ts";
import { oomKills } from "./memory-pressure.ts";
import { circumstancesOf, isOfCommand, runFailure } from "./run-failure.ts";
import type { RunOptions, SandboxRun } from "./sandbox.ts";

export interface LaunchedOptions {
  readonly scratch: string;
  /** Loaded when first needed. */
  readonly calls: () => ProcessCalls;
  readonly marks: Marks;
  readonly launchers: Launchers;
}

/** Runs of the rungs that need no OCI runtime: by a launcher that becomes the command. */
export class LaunchedRuns {
  readonly #options: LaunchedOptions;
  #count = 0;

  constructor(options: LaunchedOptions) {
    this.#options = options;
  }

  /**
   * Calls `prepare` with a directory of this run's own and runs the job that it answers; `undo` is called
   * when every process of it has ended. Throws what {@link Sandbox.run} throws.
   */
  async run(request: SandboxRun, options: RunOptions, prepare: (directory: string) => Prepared): Promise<void> {
    const { scratch, calls, marks, launchers } = this.#options;
    const number = this.#count++;
    const directory = `${scratch}/run${number}`;
    mkdirSync(directory, { mode: 0o700 });
    const launcher = launchers.take();
    let prepared: Prepared | undefined;
    try {
      const before = oomKills();
      prepared = prepare(directory);
      const { cgroups, ulimits } = request;
      const job = { ...prepared.job, cgroups, limits: launchLimits(ulimits), mark: markOf(marks, number) };
      const end = await runCommand(launcher, job, { calls: calls(), ...options });
      if (end.complaint !== undefined && !isOfCommand(end.complaint))
        throw new AppError("SANDBOX_FAILED", `the sandbox could not be made: ${end.complaint}`);
      const failure = runFailure(end, circumstancesOf(request, before));
      if (failure !== undefined) throw failure;
    } finally {
      launcher.dismiss();
      prepared?.undo();
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

export interface Prepared {
  readonly job: Omit<LaunchJob, "mark" | "limits" | "cgroups">;
  undo(): void;
}
