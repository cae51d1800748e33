import { readdirSync, rmSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { storeError } from "./errors.ts";
import type { StorePaths } from "./paths.ts";
import { ProcessLock } from "./process-lock.ts";

/**
 * Removes the sessions whose holders are dead. Answers the directories of those that this user may
 * not remove, since a RUN made files in them with other user ids: they go inside a user namespace
 * that maps those, and their locks with the next reaping.
 */
export function reapSessions(paths: StorePaths): readonly string[] {
  const orphans: string[] = [];
  for (const id of sessionIds(paths)) {
    const directory = `${paths.sessions}/${id}`;
    const lockPath = `${directory}.lock`;
    try {
      const lock = ProcessLock.take(lockPath);
      if (lock === undefined) continue;
      try {
        rmSync(directory, { recursive: true, force: true });
        // While the lock is held, so that nobody can hold a lock that has no name.
        rmSync(lockPath, { force: true });
      } finally {
        lock.release();
      }
    } catch (error) {
      if (!["EACCES", "EPERM", "ENOTEMPTY", "EBUSY"].includes(errnoOf(error) ?? "")) throw storeError(error, directory);
      orphans.push(directory);
    }
  }
  return orphans;
}

function sessionIds(paths: StorePaths): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const name of readdirSync(paths.sessions)) {
    const id = /^([0-9a-f]{16})(?:\.lock)?$/.exec(name)?.[1];
    if (id !== undefined) ids.add(id);
  }
  return ids;
}
