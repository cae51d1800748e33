import { readFileSync, readdirSync } from "node:fs";
import { randomInt } from "node:crypto";
import { errnoOf } from "../../base/errors.ts";

/**
 * How everything that comes of a RUN is found without a pid namespace, whatever it does to its parents,
 * sessions and groups: by a limit that the kernel has no use for (RLIMIT_LOCKS, dead since Linux 2.4.25)
 * and hands down to children. A mark is a prefix, which is the worker's, and six digits, a RUN's.
 */
export interface Marks {
  /** Of everything that the worker starts, as `/proc/PID/limits` shows it. */
  readonly prefix: string;
  /** The worker's own, above all others: limits can be lowered only. */
  readonly own: string;
}

const DIGITS = 6;
const MOST = 10 ** DIGITS - 1;

/** Marks that nobody else has: forty bits of chance. With its digits a mark stays below 2^63. */
export function newMarks(): Marks {
  return marksWith(`7${String(randomInt(10 ** 12)).padStart(12, "0")}`);
}

export function marksWith(prefix: string): Marks {
  return { prefix, own: `${prefix}${MOST}` };
}

/** The mark of the RUN `number`, counted from 0. */
export function markOf({ prefix }: Marks, number: number): string {
  return `${prefix}${String((MOST - 1 - number) % MOST).padStart(DIGITS, "0")}`;
}

/** The processes whose mark begins with `mark`, by the ids that kill(2) takes here; not those that have ended. */
export function markedProcesses(mark: string): readonly number[] {
  const line = new RegExp(`^Max file locks +${mark}`, "m");
  const depth = namespaceDepth();
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && line.test(readProc(`${name}/limits`)))
    .flatMap((name) => idHere(readProc(`${name}/status`), depth));
}

/** How many pid namespaces below that of /proc we are: it may be one of a namespace above ours. */
function namespaceDepth(): number {
  return idsIn(readProc("self/status")).length;
}

function idHere(status: string, depth: number): readonly number[] {
  if (/^State:\s*[ZX]/m.test(status)) return [];
  const id = idsIn(status)[depth - 1];
  return id === undefined ? [] : [id];
}

/** From the namespace of /proc downwards. */
function idsIn(status: string): readonly number[] {
  const ids = /^NSpid:\s*(.*)$/m.exec(status)?.[1];
  return ids === undefined ? [] : ids.trim().split(/\s+/).map(Number);
}

/** A process can end between any two looks at it, which reads as one of these. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes(errnoOf(error) ?? "")) return "";
    throw error;
  }
}
