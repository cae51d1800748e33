import type { CommandContext } from "@stricli/core";
import type { ProcessContext } from "../base/context.ts";
import { AppError, errnoOf } from "../base/errors.ts";

/** What every command gets: the process as data, never as a global. */
export interface CliContext extends CommandContext, ProcessContext {
  readonly process: CliProcess;
  /** Set by a command that failed; wins over what the command line parser says. */
  exitCode: number | undefined;
  /** Why standard output did not take what was written to it, where that is a failure. */
  outputFault: unknown;
}

/** The part of Node's process that commands write to. */
export interface CliProcess {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  exitCode?: number | string | null;
}

const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** A second signal after this long means that the user gave up on an orderly end. */
const PATIENCE_MS = 300;

/**
 * The context of a real process. The first signal aborts `signal`, so that the build ends in order;
 * a second one ends the process at once (what it leaves is reaped by guardians, see sys/guardian.ts).
 */
export function processContext(proc: NodeJS.Process): CliContext {
  const stop = new AbortController();
  let since = 0;
  for (const name of INTERRUPTS) {
    proc.on(name, () => {
      const error = new AppError(`INTERRUPTED_${name}`, `interrupted by ${name}`);
      if (!stop.signal.aborted) {
        since = performance.now();
        stop.abort(error);
      } else if (performance.now() - since > PATIENCE_MS) {
        proc.exit(name === "SIGINT" ? 130 : name === "SIGTERM" ? 143 : 129);
      }
    });
  }
  // A reader that went away (`| head`) has what it wanted; a full disk has not.
  proc.stdout.on("error", (cause) => {
    if (errnoOf(cause) !== "EPIPE") context.outputFault ??= cause;
  });
  // Nobody is left to be told.
  proc.stderr.on("error", () => {});
  const context: CliContext = {
    process: proc as CliProcess,
    env: proc.env,
    cwd: proc.cwd(),
    signal: stop.signal,
    // Whoever waits for input at a terminal is not to wait on when interrupted.
    stdin: () => process.getBuiltinModule("node:stream").addAbortSignal(stop.signal, proc.stdin),
    exitCode: undefined,
    outputFault: undefined,
  };
  return context;
}
