import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { catchesTerm, processesWith, signalProcess } from "./container-processes.ts";
import type { RuntimeSpec } from "./oci-spec.ts";
import { forwardOutput } from "./output.ts";
import type { OnOutput } from "./output.ts";
import { outputPipe } from "./pipes.ts";
import type { Runtime } from "./runtime.ts";

/** Milliseconds that a process which catches SIGTERM has to end by itself. */
const GRACE = 10_000;

export interface ContainerOptions {
  /** Names the container; unique among those that share `stateDirectory`. */
  readonly id: string;
  /** An existing directory of this container's own. */
  readonly bundle: string;
  /** Where the runtime keeps its records of running containers. */
  readonly stateDirectory: string;
  readonly syscalls: Syscalls;
  readonly onOutput: OnOutput;
  readonly signal: AbortSignal;
  readonly grace?: number | undefined;
  /** Called while the container runs, every millisecond or so, until it answers true. */
  readonly whileRunning?: (() => boolean) | undefined;
}

/** How a container ended. */
export interface ContainerEnd {
  /** Of the command, where a signal's number is added to 128; or the runtime's own. */
  readonly exitCode: number;
  /** What the runtime complained of; then the command never began. */
  readonly complaint: string | undefined;
  /** The last bytes of standard error. */
  readonly stderrTail: string;
  /** Only the command writes there; a runtime complains on standard error. */
  readonly hadStdout: boolean;
}

/**
 * Runs a container to its end, which comes when its first process ends: the kernel kills the others, as
 * they share its pid namespace. Aborted, its processes are sent SIGTERM and, after the grace period or
 * at once where none of them catches that, SIGKILL; then the signal's reason is thrown.
 */
export async function runContainer(
  runtime: Runtime,
  spec: RuntimeSpec,
  options: ContainerOptions,
): Promise<ContainerEnd> {
  const { bundle, signal } = options;
  signal.throwIfAborted();
  writeFileSync(`${bundle}/config.json`, JSON.stringify(spec), { mode: 0o600 });
  const log = `${bundle}/log`;
  const pidFile = `${bundle}/pid`;
  // Another runtime may have tried before, with the same bundle.
  for (const path of [log, pidFile]) rmSync(path, { force: true });
  const global = [...runtime.flags, "--log", log, "--log-format", "json", "--root", options.stateDirectory];
  const stdout = outputPipe(`${bundle}/stdout`, options.syscalls);
  const stderr = outputPipe(`${bundle}/stderr`, options.syscalls);
  const child = spawn(runtime.path, [...global, "run", "--bundle", bundle, "--pid-file", pidFile, options.id], {
    stdio: ["ignore", stdout.writeFd, stderr.writeFd],
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  stdout.closeWriter();
  stderr.closeWriter();
  const exited = new Promise<number>((resolve, reject) => {
    child.once("error", (error) =>
      reject(new AppError("SANDBOX_FAILED", `${runtime.path} cannot be run: ${messageOf(error)}`, { cause: error })),
    );
    // The runtime itself was killed; a command that was has an exit code.
    child.once("exit", (code) => resolve(code ?? 128));
  });
  const output = forwardOutput(stdout.reader, stderr.reader, options.onOutput);
  // Awaited below, after the exit; until then its failure is nobody's.
  output.ended.catch(() => {});
  const stop = new AbortController();
  const stopped = stopOnAbort(pidFile, exited, options, stop.signal);
  const watch = options.whileRunning && watchWhile(pidFile, options.whileRunning);
  try {
    const exitCode = await exited;
    await output.ended;
    signal.throwIfAborted();
    return { exitCode, complaint: complaintIn(log), stderrTail: output.stderrTail(), hadStdout: output.hadStdout() };
  } finally {
    clearInterval(watch);
    stop.abort();
    await stopped;
  }
}

function watchWhile(pidFile: string, look: () => boolean): NodeJS.Timeout {
  const timer = setInterval(() => {
    if (readPid(pidFile) !== undefined && look()) clearInterval(timer);
  }, 1);
  return timer;
}

/** Ends when the container has ended, aborted or not. */
async function stopOnAbort(
  pidFile: string,
  exited: Promise<number>,
  options: ContainerOptions,
  ended: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve) => {
    if (options.signal.aborted || ended.aborted) return resolve();
    options.signal.addEventListener("abort", () => resolve(), { once: true, signal: ended });
    ended.addEventListener("abort", () => resolve(), { once: true });
  });
  let init: number | undefined;
  // The runtime may still be at making the container: it cannot be stopped safely before it has.
  while (!ended.aborted && (init = readPid(pidFile)) === undefined) await sleep(2);
  if (init === undefined || ended.aborted) return;
  const processes = processesWith(init);
  const graceful = processes.some(catchesTerm);
  for (const pid of processes) signalProcess(pid, "SIGTERM");
  if (graceful)
    await Promise.race([
      exited.catch(() => 0),
      sleep(options.grace ?? GRACE, undefined, { signal: ended }).catch(() => 0),
    ]);
  if (!ended.aborted) signalProcess(init, "SIGKILL");
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "latin1"));
    return pid > 0 ? pid : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Both runtimes write lines of JSON with `level` and `msg`; warnings are of no interest to a RUN. */
function complaintIn(log: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(log, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const errors = text.split("\n").flatMap((line) => {
    const { level, msg } = parseLine(line);
    return level === "error" || level === "fatal" ? [msg ?? line] : [];
  });
  return errors.length === 0 ? undefined : errors.join("; ");
}

function parseLine(line: string): { readonly level?: string; readonly msg?: string } {
  try {
    return line === "" ? {} : (JSON.parse(line) as { readonly level?: string; readonly msg?: string });
  } catch {
    return { level: "error", msg: line }; // Not JSON: whatever it says is a complaint.
  }
}
