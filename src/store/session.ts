import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from "node:fs";
import { errnoOf, messageOf } from "../base/errors.ts";
import type { Guardian } from "../sys/guardian.ts";
import { startGuardian } from "../sys/guardian.ts";
import { storeError } from "./errors.ts";
import type { OnNote } from "./notes.ts";
import type { StorePaths } from "./paths.ts";
import { ProcessLock } from "./process-lock.ts";
import { tempSpace } from "./temp.ts";
import type { TempSpace } from "./temp.ts";

/**
 * The temporary files of one build: `sessions/ID/`, beside `sessions/ID.lock`, which is locked while
 * the session lives. A guardian removes both when this process dies; where it could not, the next
 * process that opens the store does (reap.ts).
 */
export interface Session extends TempSpace {
  /** Removes the directory and waits until nothing of the session is left. May be called again. */
  close(): Promise<void>;
}

export function openSession(paths: StorePaths, onNote: OnNote): Session {
  const { id, lock } = lockNew(paths);
  const directory = `${paths.sessions}/${id}`;
  const lockPath = `${directory}.lock`;
  const guardian = guard([directory, lockPath], onNote);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    lock.release();
    void guardian?.close();
    throw storeError(error, directory);
  }
  const close = async (): Promise<void> => {
    removeOwn(directory);
    rmSync(lockPath, { force: true });
    lock.release();
    await guardian?.close();
    if (existsSync(directory)) {
      onNote("SESSION_ORPHANED", `${directory} has files of other users and needs a user namespace to be removed`);
    }
  };
  return { ...tempSpace(directory), close };
}

/** The lock comes first: a directory without a held lock is a dead session's. */
function lockNew(paths: StorePaths): { readonly id: string; readonly lock: ProcessLock } {
  for (;;) {
    const id = randomBytes(8).toString("hex");
    const path = `${paths.sessions}/${id}.lock`;
    try {
      // Made here, since SQLite does not say why it cannot make a file.
      closeSync(openSync(path, "wx", 0o600));
      const lock = ProcessLock.take(path);
      if (lock !== undefined) return { id, lock };
    } catch (error) {
      throw storeError(error, path);
    }
  }
}

function guard(paths: readonly string[], onNote: OnNote): Guardian | undefined {
  try {
    return startGuardian(paths);
  } catch (error) {
    onNote("SESSION_UNGUARDED", `${messageOf(error)}; temporary files of a killed build stay until the next one`);
    return undefined;
  }
}

/** What it may not remove is the guardian's, which widens modes, or else the next opener's to report. */
function removeOwn(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    if (!["EACCES", "EPERM", "ENOTEMPTY", "EBUSY"].includes(errnoOf(error) ?? "")) throw storeError(error, directory);
  }
}
