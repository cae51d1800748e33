import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Readable, Writable } from "node:stream";
import type { Socket } from "node:net";
import { AppError, messageOf } from "../../base/errors.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import { outputPipe } from "../pipes.ts";
import type { LaunchFailure, LaunchJob } from "./job.ts";

export interface LauncherOptions {
  /** A directory of the worker's own. */
  readonly scratch: string;
  readonly syscalls: Syscalls;
  /** A command that starts the rest of its arguments, in namespaces say; and PATH to find it in. */
  readonly prefix: readonly string[];
  readonly path: string;
}

/** A process that is ready to become a command. */
export interface Launcher {
  readonly pid: number;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** Hands it what to do; no more than once. */
  begin(job: LaunchJob): void;
  /** `failure`: it did not become the command. */
  readonly ended: Promise<LaunchEnd>;
  /** Lets it go unused. */
  dismiss(): void;
}

export interface LaunchEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly failure: LaunchFailure | undefined;
}

/**
 * Launchers in stock: one more is always being started, since that takes 40 ms of which a RUN should not
 * have to wait for any.
 */
export class Launchers {
  readonly #options: LauncherOptions;
  #spare: Launcher | undefined;
  #count = 0;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  take(): Launcher {
    const taken = this.#spare ?? this.#start();
    this.prepare();
    return taken;
  }

  /** Has one ready for the next RUN. */
  prepare(): void {
    const spare = this.#start();
    this.#spare = spare;
    const forget = (): void => {
      if (this.#spare === spare) this.#spare = undefined;
    };
    void spare.ended.then(forget, forget);
  }

  #start(): Launcher {
    return startLauncher(`${this.#options.scratch}/launcher${this.#count++}`, this.#options);
  }
}

function startLauncher(name: string, { syscalls, prefix, path }: LauncherOptions): Launcher {
  const stdout = outputPipe(`${name}-stdout`, syscalls);
  const stderr = outputPipe(`${name}-stderr`, syscalls);
  const argv = [...prefix, process.execPath, "--disable-warning=ExperimentalWarning", launcherProgram()];
  const child = spawn(argv[0] ?? "", argv.slice(1), {
    stdio: ["ignore", stdout.writeFd, stderr.writeFd, "pipe", "pipe"],
    cwd: "/",
    env: { PATH: path, NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
  });
  stdout.closeWriter();
  stderr.closeWriter();
  const job = child.stdio[3] as Writable;
  // One that was killed breaks the pipe; that it has ended is told by its exit.
  job.on("error", () => {});
  const ended = endOf(child, readAll(child.stdio[4] as Readable));
  ended.catch(() => {});
  return {
    pid: child.pid ?? 0,
    stdout: stdout.reader,
    stderr: stderr.reader,
    begin: (what) => void job.end(JSON.stringify(what)),
    ended,
    dismiss: () => void job.destroy(),
  };
}

async function endOf(child: ChildProcess, said: Promise<string>): Promise<LaunchEnd> {
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new AppError("SANDBOX_FAILED", `${child.spawnfile} cannot be run: ${messageOf(cause)}`, { cause })),
    );
    child.once("exit", (...end) => resolve(end));
  });
  const report = await said;
  return { code, signal, failure: report === "" ? undefined : (JSON.parse(report) as LaunchFailure) };
}

async function readAll(stream: Readable): Promise<string> {
  let text = "";
  try {
    for await (const chunk of stream) text += String(chunk);
  } catch {
    return text; // A process that was killed in the middle: what it said so far is all there is.
  }
  return text;
}

/** As source beside this file; in the bundle a program of its own. */
function launcherProgram(): string {
  const path = import.meta.url.endsWith(".ts") ? "./main.ts" : "../launch/main.js";
  return fileURLToPath(new URL(path, import.meta.url));
}
