import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { formatBytes } from "../base/bytes.ts";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";

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
/** Milliseconds between asking a program to end and making it. */
const GRACE = 2000;

/**
 * Runs a program to its end and collects what it says. Any exit is a result: see {@link requireSuccess}.
 * Throws the signal's reason when aborted, `PROCESS_NOT_STARTED`, `PROCESS_TIMEOUT` or `PROCESS_OUTPUT`
 * (too much of it); it has ended by then.
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted();
  const { leashed = false } = options;
  const [command = "", ...args] = leashed ? ["/bin/sh", "-c", LEASH, "leash", ...argv] : argv;
  const child = spawn(command, args, {
    env: options.env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: leashed,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const stop = new Stopper(child, leashed);
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

/** Throws `PROCESS_FAILED`, with the last lines of its stderr, unless it exited with 0. */
export function requireSuccess(argv: readonly string[], result: RunResult): RunResult {
  if (result.code === 0) return result;
  const how = result.signal === null ? `exited with ${result.code}` : `was ended by ${result.signal}`;
  const said = result.stderr.trim().split("\n").slice(-5).join("\n");
  throw new AppError("PROCESS_FAILED", `${argv[0]} ${how}${said === "" ? "" : `: ${said}`}`);
}

/** Ends a child for a reason of ours: asks first, then kills and no longer waits for whoever holds its pipes. */
class Stopper {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #isGroup: boolean;
  #reason: unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, isGroup: boolean) {
    this.#child = child;
    this.#isGroup = isGroup;
    child.once("exit", () => {
      clearTimeout(this.#timer);
      if (this.#reason !== undefined) this.#dropPipes();
    });
  }

  get reason(): unknown {
    return this.#reason;
  }

  because(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#dropPipes();
    this.#kill("SIGTERM");
    this.#timer = setTimeout(() => this.#kill("SIGKILL"), GRACE);
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (!this.#isGroup || pid === undefined) return void this.#child.kill(signal);
    try {
      process.kill(-pid, signal);
    } catch (error) {
      // It has ended by itself.
      if (errnoOf(error) !== "ESRCH") throw error;
    }
  }

  /** A grandchild may hold them open; "close" comes without it then. */
  #dropPipes(): void {
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }
}

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
