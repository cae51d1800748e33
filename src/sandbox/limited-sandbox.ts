import { AppError } from "../base/errors.ts";
import type { RunLimits } from "./cgroups/limits.ts";
import { makeRunCgroup } from "./cgroups/run-cgroups.ts";
import type { LimitEvents } from "./cgroups/run-cgroups.ts";
import type { SessionCgroup } from "./cgroups/session-cgroups.ts";
import { RunFailure } from "./run-failure.ts";
import type { Sandbox } from "./sandbox.ts";

/** `sandbox`, each RUN of it in a cgroup of its own; a failure that the limits had a part in says so. */
export function limitedSandbox(sandbox: Sandbox, limits: RunLimits, cgroups: readonly SessionCgroup[]): Sandbox {
  if (cgroups.length === 0) return sandbox;
  let count = 0;
  return {
    rung: sandbox.rung,
    get runtime(): string | null {
      return sandbox.runtime;
    },
    run: async (request, options) => {
      const cgroup = makeRunCgroup(cgroups, limits, String(count++));
      try {
        await sandbox.run({ ...request, cgroups: cgroup.entries }, options);
      } catch (error) {
        throw limitFailure(error, cgroup.events(), limits);
      } finally {
        await cgroup.remove();
      }
    },
  };
}

/** `error`, or what it is with what the limits did. */
export function limitFailure(error: unknown, { oomKills, refusedForks }: LimitEvents, limits: RunLimits): unknown {
  if (!(error instanceof AppError)) return error;
  // Killed with its RUN, a runtime did not fail to make a sandbox.
  const exitCode = error instanceof RunFailure ? error.exitCode : error.code === "SANDBOX_FAILED" ? 137 : undefined;
  if (exitCode === undefined) return error;
  if (oomKills > 0 && limits.memory !== undefined) {
    const text = `the command was killed: out of memory (limit ${sizeText(limits.memory)}): exit code ${exitCode}`;
    return new RunFailure(text, exitCode, "Give --memory more, or have the command use less (fewer jobs, say).");
  }
  if (refusedForks > 0 && error instanceof RunFailure) {
    const text = `${error.message}; processes could not be started: there were too many (limit ${limits.pids})`;
    return new RunFailure(text, exitCode, "Give --pids-limit more.");
  }
  return error;
}

/** As --memory takes it, in the largest unit that tells it exactly. */
function sizeText(bytes: number): string {
  const unit = [3, 2, 1].find((power) => bytes % 1024 ** power === 0);
  return unit === undefined ? `${bytes} bytes` : `${bytes / 1024 ** unit} ${["", "KiB", "MiB", "GiB"][unit]}`;
}
