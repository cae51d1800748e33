import type { ChildProcessByStdio } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { errnoOf } from "../base/errors.ts";

/** Milliseconds between asking a program to end and making it. */
const GRACE = 2000;

/** Ends a child for a reason of ours: asks first, then kills and no longer waits for whoever holds its pipes. */
export class Stopper {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #isGroup: boolean;
  #reason: unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>, isGroup: boolean) {
    this.#child = child;
    this.#isGroup = isGroup;
    child.once("exit", () => {
      clearTimeout(this.#timer);
      if (this.#reason === undefined) return;
      // What it started may not have done as it was asked.
      if (isGroup) this.#kill("SIGKILL");
      this.#dropPipes();
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
      // All have ended by themselves, or are another user's by now, as sudo(8) is: they end when they like.
      if (!["ESRCH", "EPERM"].includes(errnoOf(error) ?? "")) throw error;
    }
  }

  /** A grandchild may hold them open; "close" comes without it then. */
  #dropPipes(): void {
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }
}
