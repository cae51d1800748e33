import { rmSync, writeFileSync } from "node:fs";
import type { Syscalls } from "../sys/syscalls.ts";
import type { RuntimeSpec } from "./oci-spec.ts";
import { forwardOutput } from "./output.ts";
import type { OnOutput } from "./output.ts";
import { containerProcesses, endOrphan } from "./container-processes.ts";
import { complaintIn } from "./runtime-log.ts";
import { startRuntime } from "./runtime-process.ts";
import type { Runtime } from "./runtime.ts";
import { stopOnAbort } from "./stop-on-abort.ts";

export interface ContainerOptions {
  /** Names the container; unique among those that share `stateDirectory`. */
  readonly id: string;
  /** An existing directory of this container's own. */
  readonly bundle: string;
  /** Where the runtime keeps its records of running containers. */
  readonly stateDirectory: string;
  readonly syscalls: Syscalls;
  /** What the runtime enters cgroups by before it begins. */
  readonly cgroups?: readonly string[] | undefined;
  readonly onOutput: OnOutput;
  readonly signal: AbortSignal;
}

/** How a container ended. */
export interface ContainerEnd {
  /** Of the command, where a signal's number is added to 128; or the runtime's own. */
  readonly exitCode: number;
  /** What the runtime complained of, or what became of it: then it was not the command that failed. */
  readonly complaint: string | undefined;
  /** The last bytes of standard error. */
  readonly stderrTail: string;
  /** Only the command writes there; a runtime complains on standard error. */
  readonly hadStdout: boolean;
}

/**
 * Runs a container to its end, which comes when its first process ends: the kernel kills the others, as
 * they share its pid namespace. Aborted, its processes are sent SIGTERM and, after ten seconds or at once
 * where none of them catches that, SIGKILL; then the signal's reason is thrown.
 */
export async function runContainer(
  runtime: Runtime,
  spec: RuntimeSpec,
  options: ContainerOptions,
): Promise<ContainerEnd> {
  const { bundle, signal } = options;
  signal.throwIfAborted();
  const pidFile = `${bundle}/pid`;
  const log = `${bundle}/log`;
  // Another runtime may have tried before, with the same bundle.
  for (const path of [log, pidFile]) rmSync(path, { force: true });
  writeFileSync(`${bundle}/config.json`, JSON.stringify(spec), { mode: 0o600 });
  const { exited, stdout, stderr } = startRuntime(runtime, { ...options, log, pidFile });
  const output = forwardOutput(stdout, stderr, options.onOutput);
  // Awaited below, after the exit; until then its failure is nobody's.
  output.ended.catch(() => {});
  const ended = new AbortController();
  const stopped = stopOnAbort(() => containerProcesses(pidFile), signal, ended.signal);
  try {
    const { code, killedBy } = await exited;
    if (killedBy !== undefined) await endOrphan(pidFile);
    await output.ended;
    signal.throwIfAborted();
    const complaint = killedBy === undefined ? complaintIn(log) : `${runtime.path} was ended by ${killedBy}`;
    return { exitCode: code, complaint, stderrTail: output.stderrTail(), hadStdout: output.hadStdout() };
  } finally {
    ended.abort();
    await stopped;
  }
}
