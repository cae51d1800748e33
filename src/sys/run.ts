import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { formatBytes } from "../base/bytes.ts";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { Stopper } from "./stopper.ts";

export interface RunOptions {
  /** The whole environment; nothing of ours is added. Without PATH only absolute commands are found. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Default: ours. */
  readonly cwd?: string | undefined;
  /** Its standard input. Default: none, an immediate end. */
  readonly input?: string | Uint8Array | undefined;
  /** Milliseconds after which it is killed. Default: none. */
  readonly timeout?: number | undefined;
  /** It and all it starts are a process group, which an abort or a limit ends as a whole. Default: as `leashed`. */
  readonly isGroup?: boolean | undefined;
  /**
   * It and all it starts end with this process, however that ends: they are a process group, and a shell beside
   * them waits on a pipe that only this process holds. It has no input then. Default false.
   */
  readonly leashed?: boolean | undefined;
  /** Bytes of stdout and of stderr after which it is killed. Default 16 MiB. */
  readonly maxOutput?: number | undefined;
}

export interface RunResult {
  /** Null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_OUTPUT = 16 * 1024 * 1024;

/**
 * Runs a program to its end and collects what it says. Any exit is a result.
 * Throws the signal's reason when aborted, `PROCESS_NOT_STARTED`, `PROCESS_TIMEOUT` or `PROCESS_OUTPUT`
 * (too much of it); it has ended by then.
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted();
  const { leashed = false, isGroup = leashed } = options;
  const [command = "", ...args] = leashed ? ["/bin/sh", "-c", LEASH, "leash", ...argv] : argv;
  const child = spawn(command, args, {
    env: options.env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: isGroup,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const stop = new Stopper(child, isGroup);
  const limit = options.maxOutput ?? MAX_OUTPUT;
  const tooMuch = (): void => stop.because(outputError(command, limit));
  const stdout = collect(child.stdout, limit, tooMuch);
  const stderr = collect(child.stderr, limit, tooMuch);
  feed(child.stdin, options.input, leashed);
  const release = watch(stop, command, options);
  try {
    const { code, signal } = await ended(child, argv);
    if (stop.reason !== undefined) throw stop.reason;
    return { code, signal, stdout: stdout(), stderr: stderr() };
  } finally {
    release();
  }
}

/** Not from standard input but from a copy of it: a shell gives what it starts in the background none. */
const LEASH = `exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill -9 -$$; } >/dev/null 2>&1 & watch=$!
exec 3<&-
wait $child; code=$?
kill -9 $watch 2>/dev/null
exit $code`;

function watch(stop: Stopper, command: string, { signal, timeout }: RunOptions): () => void {
  const abort = (): void => stop.because(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const timer =
    timeout === undefined ? undefined : setTimeout(() => stop.because(timeoutError(command, timeout)), timeout);
  return () => {
    signal.removeEventListener("abort", abort);
    clearTimeout(timer);
  };
}

function ended(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  argv: readonly string[],
): Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      // Also emitted when a kill fails, which "close" still follows.
      if (child.pid === undefined) reject(startError(argv, error));
    });
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
}

function collect(stream: Readable, limit: number, onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) onTooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function feed(stdin: Writable, input: string | Uint8Array | undefined, keepOpen: boolean): void {
  // A program that ends without reading its input breaks the pipe; how it ended says what that means.
  stdin.on("error", () => {});
  if (!keepOpen) stdin.end(input);
}

function startError(argv: readonly string[], cause: Error): AppError {
  const [command = ""] = argv;
  const reason =
    errnoOf(cause) === "ENOENT" ? "it is not installed, or its directory does not exist" : messageOf(cause);
  return new AppError("PROCESS_NOT_STARTED", `${command} cannot be run: ${reason}`, { cause });
}

function timeoutError(command: string, timeout: number): AppError {
  return new AppError("PROCESS_TIMEOUT", `${command} did not end within ${timeout / 1000} s`, { retryable: true });
}

function outputError(command: string, limit: number): AppError {
  return new AppError("PROCESS_OUTPUT", `${command} printed more than ${formatBytes(limit)}`);
}
