import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { AppError } from "../base/errors.ts";
import { markInheritedCloseOnExec } from "./inherited-descriptors.ts";
import { searchPath } from "./search-path.ts";

const SHELL = "/bin/sh";

/**
 * Waits until its standard input ends, which it does with the process that holds the other end,
 * then removes what it was given. A child that the dead process leaves behind may still write for a
 * moment, and a RUN may leave directories that are closed to their own owner, hence the second try.
 */
const GUARDIAN_SCRIPT = `read -r _
rm -rf -- "$@" 2>/dev/null && exit 0
for pause in 0.05 0.2 1; do
  sleep "$pause"
  chmod -R u+rwX -- "$@" 2>/dev/null
  rm -rf -- "$@" 2>/dev/null && exit 0
done
exit 1`;

/**
 * Makes sure that `paths` (absolute) are removed when this process ends in whatever way, SIGKILL
 * included. The guardian is a shell in a session of its own, so that no signal of a terminal or a
 * process group reaches it; it holds none of our descriptors but the pipe, and does not keep the
 * event loop alive. Starting one takes about 2 ms. Throws `GUARDIAN_FAILED` where it cannot be started.
 */
export function startGuardian(paths: readonly string[]): Guardian {
  keepInheritedDescriptors();
  const child = spawn(SHELL, ["-c", GUARDIAN_SCRIPT, "guardian", ...paths], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    env: { PATH: searchPath("") },
  });
  // Without a listener a failed start would end the process; it shows in `pid` already.
  child.on("error", () => {});
  if (child.pid === undefined) {
    throw new AppError(
      "GUARDIAN_FAILED",
      `the guardian of ${paths.join(" ")} could not be started: ${SHELL} cannot be run`,
      { hint: `Install a POSIX shell at ${SHELL}.` },
    );
  }
  return new Guardian(child);
}

/** A guardian outlives us: a CI shell's pipe in its hands would keep that shell waiting. */
function keepInheritedDescriptors(): void {
  try {
    markInheritedCloseOnExec();
  } catch (error) {
    // Without koffi they cannot be marked, and a guardian that has them is better than none.
    if (!(error instanceof AppError && error.code === "SYSCALLS_UNAVAILABLE")) throw error;
  }
}

/** Holds the pipe that keeps a guardian waiting. */
export class Guardian {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve()));
    // A guardian that was killed makes the pipe fail; there is nothing left to tell it.
    child.stdin?.on("error", () => {});
    child.unref();
    unrefStream(child.stdin);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Lets it remove its paths now and waits until it has ended. May be called again. */
  async close(): Promise<void> {
    this.#child.ref();
    this.#child.stdin?.end();
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.#exited;
  }
}

/** A child's stdin is a socket, which its type does not say. */
function unrefStream(stream: unknown): void {
  if (stream !== null && typeof stream === "object" && "unref" in stream && typeof stream.unref === "function")
    stream.unref();
}
