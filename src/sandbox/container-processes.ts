import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";

const SIGTERM = 15;

/** The processes in the pid namespace of `init`, itself included, by their ids here; none where it has ended. */
export function processesWith(init: number): readonly number[] {
  const namespace = pidNamespace(init);
  if (namespace === undefined) return [];
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => pidNamespace(pid) === namespace);
}

/** Whether a process does something of its own on SIGTERM. */
export function catchesTerm(pid: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readIfThere(`/proc/${pid}/status`) ?? "")?.[1];
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

function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, "latin1"));
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
