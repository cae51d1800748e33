import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { AppError, messageOf } from "../base/errors.ts";
import type { RunResult } from "./run.ts";
import { Stopper } from "./stopper.ts";

/** A program that is given its standard input over time. */
export interface FedProcess {
  /** Waits until the program has taken most of it. A program that ended takes everything and says why at the end. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends its input and waits for its end; any exit is a result. */
  end(): Promise<RunResult>;
  kill(): void;
}

export interface FeedOptions {
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the program; `write` and `end` then throw its reason. */
  readonly signal: AbortSignal;
}

const MAX_OUTPUT = 1024 * 1024;

/** Starts `argv`. The first failure to start is thrown by `end`, `PROCESS_NOT_STARTED`. */
export function feedProcess(argv: readonly string[], { env, signal }: FeedOptions): FedProcess {
  signal.throwIfAborted();
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const stop = new Stopper(child, false);
  const abort = (): void => stop.because(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const [stdout, stderr] = [lastOf(child.stdout), lastOf(child.stderr)];
  child.stdin.on("error", () => {}); // The program went; how it ended says why.
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.once("error", (cause) => {
      if (child.pid === undefined)
        reject(new AppError("PROCESS_NOT_STARTED", `${command} cannot be run: ${messageOf(cause)}`, { cause }));
    });
    child.once("close", (code, ending) => resolve({ code, signal: ending, stdout: stdout(), stderr: stderr() }));
  });
  ended.catch(() => {}).finally(() => signal.removeEventListener("abort", abort));
  return {
    write: async (chunk) => {
      signal.throwIfAborted();
      if (child.stdin.destroyed || child.stdin.write(Buffer.from(chunk))) return;
      await Promise.race([once(child.stdin, "drain").catch(() => {}), ended.catch(() => {})]);
      signal.throwIfAborted();
    },
    end: async () => {
      child.stdin.end();
      const result = await ended;
      signal.throwIfAborted();
      return result;
    },
    kill: () => stop.because(new Error("given up")),
  };
}

/** Collects the end of what a program says. */
function lastOf(stream: Readable): () => string {
  let said = "";
  stream.setEncoding("utf8").on("data", (text: string) => (said = `${said}${text}`.slice(-MAX_OUTPUT)));
  return () => said;
}
