import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../base/errors.ts";

const SIGTERM = 15;

/** The processes of the container whose first one `pidFile` names; none where the runtime is still at making it. */
export function containerProcesses(pidFile: string): readonly number[] {
  const init = readPid(pidFile);
  return init === undefined ? [] : processesWith(init);
}

/** Ends a container whose runtime was killed, and waits until nothing of it is left. */
export async function endOrphan(pidFile: string): Promise<void> {
  const init = readPid(pidFile);
  if (init === undefined || processesWith(init).length === 0) return;
  signalProcess(init, "SIGKILL");
  while (processesWith(init).length > 0) await sleep(2);
}

/** The id that a runtime has written there; undefined as long as it has not. */
function readPid(path: string): number | undefined {
  const pid = Number(ifThere(() => readFileSync(path, "latin1")));
  return pid > 0 ? pid : undefined;
}

/**
 * The processes in the pid namespace of `init`, itself included, by their ids here; none where it has ended, also
 * where its id is another process's of ours by now. Not those that have ended and that nobody has waited for.
 */
function processesWith(init: number): readonly number[] {
  const namespace = pidNamespace(init);
  if (namespace === undefined || namespace === pidNamespace("self")) return [];
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => pidNamespace(pid) === namespace && !/^State:\s*[ZX]/m.test(statusOf(pid)));
}

/** Whether a process does something of its own on SIGTERM. */
export function catchesTerm(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(statusOf(pid))?.[1];
  return caught !== undefined && ((BigInt(`0x${caught}`) >> BigInt(SIGTERM - 1)) & 1n) === 1n;
}

/** Sends a signal; that the process has ended meanwhile is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

function pidNamespace(pid: number | "self"): string | undefined {
  return ifThere(() => readlinkSync(`/proc/${pid}/ns/pid`));
}

function statusOf(pid: number): string {
  return ifThere(() => readFileSync(`/proc/${pid}/status`, "latin1")) ?? "";
}

/** A process can end between any two looks at it, which reads as one of these. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
