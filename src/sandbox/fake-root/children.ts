import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../base/errors.ts";
import { catchesTerm, signalProcess } from "../container-processes.ts";

/** Milliseconds that a process which catches SIGTERM has to end by itself. */
const GRACE = 10_000;

/** All processes below `pid`, which is a subreaper: nothing that it has started gets away. */
export function childrenOf(pid: number): readonly number[] {
  const parents = new Map(processIds().flatMap((one) => (isAlive(one) ? [[one, parentOf(one)] as const] : [])));
  const found = new Set([pid]);
  for (let before = 0; before !== found.size;) {
    before = found.size;
    for (const [one, parent] of parents) if (parent !== undefined && found.has(parent)) found.add(one);
  }
  found.delete(pid);
  return [...found];
}

/** Asks what is below `pid` to end, and gives it time where any of it wants that. */
export async function stopChildren(pid: number, ended: Promise<void>): Promise<void> {
  const children = childrenOf(pid);
  const graceful = children.some(catchesTerm);
  for (const child of children) signalProcess(child, "SIGTERM");
  if (graceful) await Promise.race([ended, sleep(GRACE, undefined, { ref: false })]);
}

/** Waits until none of `pids` is there. */
export async function waitForEnd(pids: readonly number[]): Promise<void> {
  while (pids.some(isAlive)) await sleep(2);
}

function processIds(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function parentOf(pid: number): number | undefined {
  // The name before it may hold anything, brackets too.
  const rest = statOf(pid)?.split(") ").at(-1);
  return rest === undefined ? undefined : Number(rest.split(" ")[1]);
}

function isAlive(pid: number): boolean {
  const state = statOf(pid)?.split(") ").at(-1)?.[0];
  return state !== undefined && state !== "Z" && state !== "X";
}

function statOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
