import { spawn } from "node:child_process";
import { once } from "node:events";
import { AppError, messageOf } from "../base/errors.ts";
import type { RunResult } from "./run.ts";

/** A program that is given its standard input over time. */
export interface FedProcess {
  /** Waits until the program has taken most of it. A program that ended takes everything and says why at the end. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends its input and waits for its end; any exit is a result. */
  end(): Promise<RunResult>;
  kill(): void;
}

const MAX_OUTPUT = 1024 * 1024;

/** Starts `argv` with `env` as the whole environment. The first failure to start is thrown by `end`, `PROCESS_NOT_STARTED`. */
export function feedProcess(
  argv: readonly string[],
  { env, signal }: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): FedProcess {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const kill = (): void => void child.kill("SIGTERM");
  signal.addEventListener("abort", kill, { once: true });
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.stdout = `${said.stdout}${chunk}`.slice(-MAX_OUTPUT)));
  child.stderr.on("data", (chunk: Buffer) => (said.stderr = `${said.stderr}${chunk}`.slice(-MAX_OUTPUT)));
  child.stdin.on("error", () => {}); // The program went; how it ended says why.
  const ended = new Promise<RunResult>((resolve, reject) => {
    child.once("error", (cause) => {
      if (child.pid === undefined)
        reject(new AppError("PROCESS_NOT_STARTED", `${command} cannot be run: ${messageOf(cause)}`, { cause }));
    });
    child.once("close", (code, ending) => resolve({ code, signal: ending, ...said }));
  });
  ended.catch(() => {}).finally(() => signal.removeEventListener("abort", kill));
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
    kill,
  };
}
