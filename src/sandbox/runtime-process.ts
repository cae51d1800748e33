import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { AppError, messageOf } from "../base/errors.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { outputPipe } from "./pipes.ts";
import { enteringArgv } from "./cgroups/run-cgroups.ts";
import type { Runtime } from "./runtime.ts";

export interface RuntimeProcessOptions {
  readonly id: string;
  readonly bundle: string;
  readonly stateDirectory: string;
  /** Where it is to write what goes wrong, as lines of JSON. */
  readonly log: string;
  /** Where it is to write the id of the container's first process. */
  readonly pidFile: string;
  readonly syscalls: Syscalls;
  /** What it enters cgroups by before it begins. */
  readonly cgroups?: readonly string[] | undefined;
}

export interface RuntimeProcess {
  /** `killedBy`: of the runtime itself; a command that a signal ended has an exit code of 128 and more. */
  readonly exited: Promise<{ readonly code: number; readonly killedBy: string | undefined }>;
  readonly stdout: Socket;
  readonly stderr: Socket;
}

/** Starts a runtime that makes a container and stays with it until it ends. */
export function startRuntime(runtime: Runtime, options: RuntimeProcessOptions): RuntimeProcess {
  const { id, bundle, stateDirectory, log, pidFile, syscalls } = options;
  const global = [...runtime.flags, "--log", log, "--log-format", "json", "--root", stateDirectory];
  const stdout = outputPipe(`${bundle}/stdout`, syscalls);
  const stderr = outputPipe(`${bundle}/stderr`, syscalls);
  const argv = [runtime.path, ...global, "run", "--bundle", bundle, "--pid-file", pidFile, id];
  const [command = "", ...args] = enteringArgv(options.cgroups ?? [], argv);
  const child = spawn(command, args, {
    stdio: ["ignore", stdout.writeFd, stderr.writeFd],
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  stdout.closeWriter();
  stderr.closeWriter();
  const exited = new Promise<{ readonly code: number; readonly killedBy: string | undefined }>((resolve, reject) => {
    child.once("error", (error) =>
      reject(new AppError("SANDBOX_FAILED", `${runtime.path} cannot be run: ${messageOf(error)}`, { cause: error })),
    );
    child.once("exit", (code, signal) => resolve({ code: code ?? 1, killedBy: signal ?? undefined }));
  });
  return { exited, stdout: stdout.reader, stderr: stderr.reader };
}
