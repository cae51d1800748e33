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
  for (;;) {
    const directory = `${paths.sessions}/${randomBytes(8).toString("hex")}`;
    const lockPath = `${directory}.lock`;
    // The guardian comes first, so that nothing is made that nobody would remove, and then the lock:
    // a directory without a held lock is a dead session's.
    const guardian = guard([directory, lockPath], onNote);
    const lock = make(directory, lockPath, guardian);
    if (lock === undefined) continue;
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
}

/** Undefined where somebody took the lock's file for a dead session's before it was locked. */
function make(directory: string, lockPath: string, guardian: Guardian | undefined): ProcessLock | undefined {
  let lock: ProcessLock | undefined;
  try {
    // Made here, since SQLite does not say why it cannot make a file.
    closeSync(openSync(lockPath, "wx", 0o600));
    lock = ProcessLock.take(lockPath);
    if (lock !== undefined) mkdirSync(directory, { mode: 0o700 });
    else void guardian?.close();
    return lock;
  } catch (error) {
    lock?.release();
    void guardian?.close();
    throw storeError(error, directory);
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
