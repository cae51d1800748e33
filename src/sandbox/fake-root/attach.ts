import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { AppError, messageOf } from "../../base/errors.ts";
import { filterBytes } from "../../sys/trace/call-filter.ts";
import { tracerArgv } from "./fake-root.ts";
import { ATTACHED, REQUEST_FILE } from "./request.ts";
import type { AttachRequest, FakeIds } from "./request.ts";
import { filterFor } from "./watched-calls.ts";

export interface AttachOptions {
  /** An existing directory of this run's own, out of reach of its root. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/**
 * Plays root, or whomever `ids` name, to a process that is there already and to all that it starts from its
 * next execve on, as `runInFakeRoot` does without a guest: for a launcher in namespaces of its own, where a
 * single id is mapped. It must wait from before this is called until it is answered, and then, as the last
 * thing before its execve, set {@link attachFilter}. It has to be ours to trace: in our user namespace, or below us.
 *
 * `pid` is that in our pid namespace, whose /proc we must see. Resolves when it is traced; the promise `ended`
 * in it when none of its processes is left. Throws `SANDBOX_UNAVAILABLE`. If this process is killed, so are they.
 */
export async function attachFakeRoot(
  pid: number,
  ids: FakeIds,
  { scratch, signal }: AttachOptions,
): Promise<{ readonly ended: Promise<void> }> {
  signal.throwIfAborted();
  const directory = `${scratch}/attach`;
  mkdirSync(directory, { mode: 0o700 });
  const request: AttachRequest = { ...ids, attach: pid };
  writeFileSync(`${directory}/${REQUEST_FILE}`, JSON.stringify(request), { mode: 0o600 });
  const [command, ...args] = tracerArgv(directory);
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: "/",
    env: { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] },
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2048)));
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  }).finally(() => rmSync(directory, { recursive: true, force: true }));
  await new Promise<void>((resolve, reject) => {
    const fail = (reason: string): void =>
      reject(new AppError("SANDBOX_UNAVAILABLE", `the process of a RUN cannot be traced: ${reason}`));
    child.once("error", (error) => fail(messageOf(error)));
    child.once("close", () => fail(said.trim().split("\n").slice(-4).join("\n")));
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      if (text === ATTACHED) resolve();
    });
  });
  return { ended };
}

/** `struct sock_filter[]`, to be set with no_new_privs or CAP_SYS_ADMIN. */
export function attachFilter(): Buffer {
  return filterBytes(filterFor(false));
}
