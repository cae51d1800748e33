import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";

const SIGTERM = 15;

/**
 * The processes in the pid namespace of `init`, itself included, by their ids here; none where it has ended.
 * Not those that have ended and that nobody has waited for.
 */
export function processesWith(init: number): readonly number[] {
  const namespace = pidNamespace(init);
  if (namespace === undefined) return [];
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

function pidNamespace(pid: number): string | undefined {
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
