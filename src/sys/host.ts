import { readFileSync } from "node:fs";
import { availableParallelism, userInfo } from "node:os";
import { errnoOf } from "../base/errors.ts";

/** A range of ids that a user may map into a user namespace of his (subuid(5)). */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** The machine's boot: process ids and start times mean something within one only. Empty where there is no /proc. */
export function bootId(): string {
  return readIfThere("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
}

/** Processors that this process may use: affinity and cgroup quota count. At least 1. */
export function processorCount(): number {
  return availableParallelism();
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** Undefined where the user database has no entry, as for an arbitrary uid in a container. */
  readonly name: string | undefined;
}

export function currentUser(): User {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  try {
    return { uid, gid, name: userInfo().username };
  } catch (error) {
    if (errnoOf(error) === undefined && !isSystemError(error)) throw error;
    return { uid, gid, name: undefined };
  }
}

/** The user's ranges in /etc/subuid or /etc/subgid, in the file's order; empty where there are none. */
export function subordinateIds(
  file: "/etc/subuid" | "/etc/subgid",
  user: Pick<User, "uid" | "name">,
): readonly IdRange[] {
  return parseSubordinateIds(readIfThere(file) ?? "", user);
}

/** Lines are `USER:START:COUNT`, where USER is a name or a uid; others are left out, as newuidmap does. */
export function parseSubordinateIds(text: string, user: Pick<User, "uid" | "name">): readonly IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split("\n")) {
    const [, owner, start, count] = /^([^:#]+):(\d{1,10}):(\d{1,10})\s*$/.exec(line.trim()) ?? [];
    if (owner === undefined || (owner !== user.name && owner !== String(user.uid))) continue;
    if (Number(count) > 0) ranges.push({ start: Number(start), count: Number(count) });
  }
  return ranges;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "EACCES", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** What `userInfo` throws for a uid without an entry: a SystemError, whose `code` is ERR_SYSTEM_ERROR. */
function isSystemError(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_SYSTEM_ERROR";
}
