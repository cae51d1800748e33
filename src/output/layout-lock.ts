import { closeSync, constants, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../base/errors.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/** Milliseconds between looks at a lock that another one holds. */
const PAUSE = 10;

/**
 * Runs `body` while nobody else does for the same directory. The lock goes with its holder; where the machine gives
 * us none, `body` runs at once.
 */
export async function exclusively(directory: string, signal: AbortSignal, body: () => Promise<void>): Promise<void> {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const lock = locker();
    while (!lock(fd, "exclusive")) {
      await sleep(PAUSE);
      signal.throwIfAborted();
    }
    await body();
  } finally {
    closeSync(fd);
  }
}

function locker(): Syscalls["flock"] {
  try {
    return loadSyscalls().flock;
  } catch (error) {
    if (error instanceof AppError && error.code === "SYSCALLS_UNAVAILABLE") return () => true;
    throw error;
  }
}
