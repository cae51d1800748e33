import { setTimeout as sleep } from "node:timers/promises";
import { constants } from "node:os";
import type { ProcessCalls } from "../../sys/process-calls.ts";
import { signalProcess } from "../container-processes.ts";
import type { ContainerEnd } from "../container.ts";
import { forwardOutput } from "../output.ts";
import type { OnOutput } from "../output.ts";
import { stopOnAbort } from "../stop-on-abort.ts";
import type { LaunchFailure, LaunchJob } from "./job.ts";
import type { LaunchEnd, Launcher } from "./launcher.ts";
import { markedProcesses } from "./marks.ts";

export interface CommandOptions {
  readonly calls: ProcessCalls;
  readonly onOutput: OnOutput;
  readonly signal: AbortSignal;
}

/**
 * Runs a command to the end of its first process, kills whatever else came of it, and answers as a
 * container would. Aborted, all are sent SIGTERM and, after ten seconds or at once where none catches
 * that, SIGKILL; then the signal's reason is thrown.
 */
export async function runCommand(
  launcher: Launcher,
  job: LaunchJob,
  { calls, onOutput, signal }: CommandOptions,
): Promise<ContainerEnd> {
  signal.throwIfAborted();
  const output = forwardOutput(launcher.stdout, launcher.stderr, onOutput);
  // Awaited below, after the exit; until then its failure is nobody's.
  output.ended.catch(() => {});
  const ended = new AbortController();
  const stopped = stopOnAbort(() => markedProcesses(job.mark), signal, ended.signal);
  try {
    launcher.begin(job);
    const end = await launcher.ended;
    await killAll(job.mark, calls);
    await output.ended;
    signal.throwIfAborted();
    return containerEnd(end, job, output.stderrTail(), output.hadStdout());
  } finally {
    ended.abort();
    await stopped;
  }
}

/** Kills until nothing is left to kill: a process may start another one meanwhile. */
export async function killAll(mark: string, calls: ProcessCalls): Promise<void> {
  const killed = new Set<number>();
  for (;;) {
    const processes = markedProcesses(mark);
    for (const pid of processes) {
      signalProcess(pid, "SIGKILL");
      killed.add(pid);
    }
    // Those without a parent became ours, and nobody else waits for them.
    for (const pid of killed) if (calls.reap(pid)) killed.delete(pid);
    if (processes.length === 0) return;
    await sleep(1);
  }
}

function containerEnd(
  { code, signal, failure }: LaunchEnd,
  { argv }: LaunchJob,
  stderrTail: string,
  hadStdout: boolean,
): ContainerEnd {
  const exitCode = signal === null ? (code ?? 1) : 128 + constants.signals[signal];
  if (failure === undefined) return { exitCode, complaint: undefined, stderrTail, hadStdout };
  return failureEnd(failure, argv[0] ?? "", hadStdout);
}

/** In the words of an OCI runtime, which run-failure.ts knows. */
function failureEnd({ kind, message }: LaunchFailure, command: string, hadStdout: boolean): ContainerEnd {
  const said = (complaint: string | undefined, stderrTail = ""): ContainerEnd => ({
    exitCode: 1,
    complaint,
    stderrTail,
    hadStdout,
  });
  switch (kind) {
    case "not-found":
      return said(`executable file ${JSON.stringify(command)} not found`);
    case "not-executable":
      return said(`exec: ${command}: permission denied`);
    case "bad-format":
      return said(undefined, `exec ${command}: exec format error`);
    case "no-interpreter":
      return said(undefined, `exec ${command}: no such file or directory`);
    case "no-directory":
    case "setup":
      return said(message);
  }
}
