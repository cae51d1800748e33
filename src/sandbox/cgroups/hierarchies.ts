import { readFileSync } from "node:fs";
import { posix } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { mountinfoPath } from "../../sys/mountinfo.ts";
import type { Controller } from "./limits.ts";

/** Where this process is in the hierarchy of cgroups that has some controllers. */
export interface Hierarchy {
  readonly version: 1 | 2;
  readonly controllers: readonly Controller[];
  /** Where the hierarchy is mounted, and the directory of our own cgroup in it. */
  readonly mountPoint: string;
  readonly own: string;
}

/** A controller that is nowhere to be seen, and why. */
export interface MissingController {
  readonly controller: Controller;
  readonly reason: string;
}

export interface Found {
  readonly hierarchies: readonly Hierarchy[];
  readonly missing: readonly MissingController[];
}

/** Looks the hierarchies of `wanted` up: a controller is in one of version 1, or else in that of version 2. */
export function findHierarchies(wanted: readonly Controller[], proc = "/proc/self"): Found {
  const memberships = readLines(`${proc}/cgroup`).map(parseMembership);
  const mounts = readLines(`${proc}/mountinfo`).flatMap(parseMount);
  const hierarchies = new Map<string, Hierarchy>();
  const missing: MissingController[] = [];
  for (const controller of wanted) {
    const found = locate(controller, memberships, mounts);
    if (typeof found === "string") {
      missing.push({ controller, reason: found });
      continue;
    }
    const same = hierarchies.get(found.own);
    hierarchies.set(found.own, { ...found, controllers: [...(same?.controllers ?? []), controller] });
  }
  return { hierarchies: [...hierarchies.values()], missing };
}

interface Membership {
  /** Empty: version 2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

interface CgroupMount {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  /** The cgroup that is at the mount point. */
  readonly root: string;
  readonly mountPoint: string;
}

function locate(
  controller: Controller,
  memberships: readonly Membership[],
  mounts: readonly CgroupMount[],
): Hierarchy | string {
  const first = memberships.find(({ controllers }) => controllers.includes(controller));
  const membership = first ?? memberships.find(({ controllers }) => controllers.length === 0);
  if (membership === undefined) return `this kernel has no cgroup controller ${controller}`;
  const version = first === undefined ? 2 : 1;
  // The last one mounted at a place is the one that is seen there.
  const mount = mounts.findLast(
    (one) => one.version === version && (version === 2 || one.controllers.includes(controller)),
  );
  if (mount === undefined) return `the cgroups of ${controller} are mounted nowhere`;
  const inside = posix.relative(mount.root, membership.path);
  if (inside.startsWith("..")) return `our cgroup ${membership.path} is not below ${mount.mountPoint}`;
  const { mountPoint } = mount;
  return { version, controllers: [], mountPoint, own: posix.join(mountPoint, inside) };
}

/** `4:cpu,cpuacct:/path`. */
function parseMembership(line: string): Membership {
  const [, names = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
  return { controllers: names === "" ? [] : names.split(","), path };
}

/** proc_pid_mountinfo(5). */
function parseMount(line: string): readonly CgroupMount[] {
  const [before = "", after = ""] = line.split(" - ", 2);
  const [type, , options = ""] = after.split(" ");
  if (type !== "cgroup" && type !== "cgroup2") return [];
  const [, , , root = "/", mountPoint = ""] = before.split(" ").map(mountinfoPath);
  return [{ version: type === "cgroup" ? 1 : 2, controllers: options.split(","), root, mountPoint }];
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
