import { mkdirSync, readFileSync, readdirSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { findHierarchies } from "./hierarchies.ts";
import type { Hierarchy } from "./hierarchies.ts";
import { controllersOf } from "./limits.ts";
import type { Controller, RunLimits } from "./limits.ts";

/** A cgroup that a worker begins in and makes those of its RUNs in. */
export interface SessionCgroup {
  readonly version: 1 | 2;
  readonly controllers: readonly Controller[];
  readonly directory: string;
}

export interface SessionCgroups {
  readonly cgroups: readonly SessionCgroup[];
  /** What cannot be had, a sentence each. */
  readonly refused: readonly string[];
}

const PREFIX = "manyarch-";
/** Where the worker itself is: of version 2, only cgroups without processes hand controllers down. */
export const WORKER = "worker";

/**
 * Makes a cgroup `manyarch-NAME` in each hierarchy that `limits` take: in our own cgroup, or beside it where
 * that may not hand controllers down, as our processes are in it. Those of dead sessions are removed there.
 */
export function makeSessionCgroups(limits: RunLimits, name: string, proc?: string): SessionCgroups {
  const { hierarchies, missing } = findHierarchies(controllersOf(limits), proc);
  const cgroups: SessionCgroup[] = [];
  const refused = missing.map(({ reason }) => reason);
  for (const hierarchy of hierarchies) {
    const made = makeIn(hierarchy, name);
    if (typeof made === "string") refused.push(made);
    else cgroups.push(made);
  }
  return { cgroups, refused };
}

/** Removes a cgroup and those in it, none of which may have processes; answers whether it is gone. */
export function removeCgroup(directory: string): boolean {
  try {
    for (const entry of readdirSync(directory, { withFileTypes: true }))
      if (entry.isDirectory()) removeCgroup(`${directory}/${entry.name}`);
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true;
    // Its last processes may still be at ending.
    if (["EBUSY", "ENOTEMPTY", "EACCES", "EPERM", "EROFS"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

function makeIn(hierarchy: Hierarchy, name: string): SessionCgroup | string {
  const { version, controllers } = hierarchy;
  const reasons: string[] = [];
  for (const parent of parentsOf(hierarchy)) {
    const reason = prepareParent(parent, hierarchy) ?? makeDirectory(`${parent}/${PREFIX}${name}`);
    if (reason === undefined) {
      reapIn(parent, name);
      return { version, controllers, directory: `${parent}/${PREFIX}${name}` };
    }
    reasons.push(reason);
  }
  return `${controllers.join(", ")}: ${reasons.join("; ")}`;
}

/** The one above is asked only where our own has no limits that RUNs would escape there. */
function parentsOf({ version, own, mountPoint }: Hierarchy): readonly string[] {
  if (version === 1 || own === mountPoint) return [own];
  const limited = ["memory.max", "pids.max", "cpu.max"].some(
    (file) => !/^(?:max\b|$)/.test(readText(`${own}/${file}`)),
  );
  return limited ? [own] : [own, dirname(own)];
}

/** Of version 2, a parent has to hand the controllers down; answers why it does not. */
function prepareParent(parent: string, { version, controllers }: Hierarchy): string | undefined {
  if (version === 1) return undefined;
  const available = readText(`${parent}/cgroup.controllers`).split(/\s+/);
  const absent = controllers.filter((controller) => !available.includes(controller));
  if (absent.length > 0) return `${parent} has no controller ${absent.join(", ")}`;
  return handDown(parent, controllers);
}

/** Has `directory` hand controllers down to the cgroups in it; answers why it cannot. */
export function handDown(directory: string, controllers: readonly Controller[]): string | undefined {
  const path = `${directory}/cgroup.subtree_control`;
  const given = readText(path).split(/\s+/);
  const wanted = controllers.filter((controller) => !given.includes(controller));
  if (wanted.length === 0) return undefined;
  return attempt(path, () => writeFileSync(path, wanted.map((controller) => `+${controller}`).join(" ")));
}

function makeDirectory(path: string): string | undefined {
  return attempt(path, () => mkdirSync(path, { recursive: true, mode: 0o755 }));
}

const REFUSALS = new Set(["EACCES", "EPERM", "EROFS", "EBUSY", "ENOENT", "EOPNOTSUPP", "EINVAL", "EAGAIN", "ENOSPC"]);

/** Answers what the kernel refuses with, as `EACCES: /path`. */
export function attempt(path: string, act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const errno = errnoOf(error) ?? "";
    if (!REFUSALS.has(errno)) throw error;
    return `${errno}: ${path}`;
  }
}

/** Milliseconds after which a session without a worker is dead and not about to begin. */
const START_TIME = 10_000;

/** Removes what sessions left whose control and guard were both killed: nobody is in their workers' cgroups. */
function reapIn(parent: string, name: string): void {
  for (const entry of readdirSync(parent)) {
    if (!/^manyarch-[0-9a-f]{16}$/.test(entry) || entry === `${PREFIX}${name}`) continue;
    const directory = `${parent}/${entry}`;
    const changed = statSync(directory, { throwIfNoEntry: false })?.ctimeMs ?? 0;
    const isAlive = [directory, `${directory}/${WORKER}`].some((one) => readText(`${one}/cgroup.procs`).trim() !== "");
    if (!isAlive && Date.now() - changed > START_TIME) removeCgroup(directory);
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    // Gone, or without that file; or not ours to read, nor to write then.
    if (["ENOENT", "EACCES", "ENODEV", "EOPNOTSUPP"].includes(errnoOf(error) ?? "")) return "";
    throw error;
  }
}
