import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { AppError, errnoOf, messageOf } from "../../base/errors.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import type { ContainerEnd } from "../container.ts";
import { forwardOutput } from "../output.ts";
import type { ForwardedOutput, OnOutput } from "../output.ts";
import { outputPipe } from "../pipes.ts";
import { signalProcess } from "../container-processes.ts";
import { childrenOf, stopChildren, waitForEnd } from "./children.ts";
import { ERRNO } from "./places.ts";
import { ANSWER_FILE, REQUEST_FILE } from "./request.ts";
import type { TraceAnswer, TraceRequest } from "./request.ts";

export interface FakeRootOptions {
  /** An existing directory of this run's own, out of reach of its root; left as it was found. */
  readonly scratch: string;
  readonly syscalls: Syscalls;
  readonly onOutput: OnOutput;
  readonly signal: AbortSignal;
}

/**
 * Runs a program that believes to be root, or any other user, where there is nothing but our own uid.
 *
 * A process of ours traces it and all that it starts, and answers the calls that read and set ids, owners,
 * modes and devices. What they set is kept with the files, in the way of `snapshot/kept-metadata.ts`: a later
 * RUN sees it, and so does what makes a layer. The program also takes a directory for `/`: the paths of its calls
 * are changed on the way to the kernel. That needs ptrace and seccomp and nothing else.
 *
 * Works in Docker's default seccomp profile, without capabilities, with no_new_privs,
 * on a machine that {@link isMachineKnown}. Ends as a container does: with the code of the first process (128 and more for a
 * signal) when that ends, and then nothing of it is left. Aborted, the processes are sent SIGTERM and, after
 * ten seconds or at once where none of them catches that, SIGKILL; then the signal's reason is thrown. If this
 * process is killed, so is all of it.
 *
 * Throws `SANDBOX_UNAVAILABLE` where tracing is not allowed.
 */
export async function runInFakeRoot(request: TraceRequest, options: FakeRootOptions): Promise<ContainerEnd> {
  const { scratch, signal } = options;
  signal.throwIfAborted();
  const directory = `${scratch}/trace`;
  mkdirSync(directory, { mode: 0o700 });
  try {
    writeFileSync(`${directory}/${REQUEST_FILE}`, JSON.stringify(request), { mode: 0o600 });
    return await runTraced(directory, request, options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runTraced(directory: string, request: TraceRequest, options: FakeRootOptions): Promise<ContainerEnd> {
  const { signal, syscalls, onOutput } = options;
  const [stdout, stderr] = [outputPipe(`${directory}/out`, syscalls), outputPipe(`${directory}/err`, syscalls)];
  const [command, ...args] = tracerArgv(directory);
  const child = spawn(command, args, {
    stdio: ["ignore", stdout.writeFd, stderr.writeFd],
    cwd: "/",
    env: { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
  });
  stdout.closeWriter();
  stderr.closeWriter();
  const exited = new Promise<void>((resolve, reject) => {
    child.once("error", (error) =>
      reject(
        new AppError("SANDBOX_FAILED", `${process.execPath} cannot be run: ${messageOf(error)}`, { cause: error }),
      ),
    );
    child.once("exit", () => resolve());
  });
  const output = forwardOutput(stdout.reader, stderr.reader, onOutput);
  // Awaited below, after the exit; until then its failure is nobody's.
  output.ended.catch(() => {});
  const stop = stopOnAbort(child, exited, signal);
  try {
    await exited;
  } finally {
    await stop.finished();
  }
  await output.ended;
  signal.throwIfAborted();
  return endOf(readAnswer(directory, output), request, output);
}

/** The tracer is source beside this file; in the bundle (rolldown.config.js) it has a folder of its own. */
function tracerArgv(directory: string): readonly [string, ...string[]] {
  const path = import.meta.url.endsWith(".ts") ? "./tracer-main.ts" : "../tracer/main.js";
  const program = fileURLToPath(new URL(path, import.meta.url));
  return [process.execPath, "--disable-warning=ExperimentalWarning", program, directory];
}

/** Ends the tracer when `signal` is aborted, and with it all that it traces; gently where somebody minds. */
function stopOnAbort(
  { pid }: { readonly pid?: number | undefined },
  exited: Promise<void>,
  signal: AbortSignal,
): { finished(): Promise<void> } {
  let stopping: Promise<void> | undefined;
  const stop = (): void => {
    if (pid !== undefined) stopping = endAll(pid, exited);
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return {
    finished: async () => {
      signal.removeEventListener("abort", stop);
      await stopping;
    },
  };
}

async function endAll(tracer: number, exited: Promise<void>): Promise<void> {
  await stopChildren(tracer, exited);
  const left = childrenOf(tracer);
  signalProcess(tracer, "SIGKILL");
  await waitForEnd(left);
}

function readAnswer(directory: string, output: ForwardedOutput): TraceAnswer {
  try {
    return JSON.parse(readFileSync(`${directory}/${ANSWER_FILE}`, "utf8")) as TraceAnswer;
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
    const said = output.stderrTail().trim().split("\n").slice(-4).join("\n");
    throw new AppError("SANDBOX_UNAVAILABLE", `the tracing process ended early: ${said}`, {
      hint: "Processes must be allowed to trace their children: see /proc/sys/kernel/yama/ptrace_scope and the container's seccomp profile.",
      cause,
    });
  }
}

/** In the words that runtimes have for it (run-failure.ts). */
function endOf({ end }: TraceAnswer, { argv }: TraceRequest, output: ForwardedOutput): ContainerEnd {
  const said = { stderrTail: output.stderrTail(), hadStdout: output.hadStdout(), complaint: undefined };
  switch (end.kind) {
    case "exited":
      return { ...said, exitCode: end.code };
    case "killed":
      return { ...said, exitCode: 128 + end.signal };
    case "refused":
      return { ...said, exitCode: 1, ...refusal(end.errno, argv[0] ?? "") };
  }
}

function refusal(errno: number, command: string): Partial<ContainerEnd> {
  switch (errno) {
    case ERRNO.ENOENT:
    case ERRNO.ENOTDIR:
      return { complaint: `exec: ${command}: no such file or directory` };
    case ERRNO.EACCES:
      return { complaint: `exec: ${command}: permission denied` };
    case ERRNO.ENOEXEC:
      return { stderrTail: `exec ${command}: exec format error` };
    default:
      return { complaint: `execve of ${command} failed with errno ${errno}` };
  }
}
