import { readFileSync, readdirSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { loadSyscalls } from "./load-syscalls.ts";

const O_CLOEXEC = 0o2000000;

/**
 * Keeps descriptors that this process was started with, such as a CI shell's pipes, from its children:
 * Node opens its own close-on-exec, but passes on what it has inherited. Loads the system calls only
 * where there is something to do.
 */
export function markInheritedCloseOnExec(): void {
  if (inheritedDescriptors().length > 0) loadSyscalls().closeOnExecFrom(3);
}

/** Open descriptors past the standard ones that children would get. */
function inheritedDescriptors(): readonly number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2 && !isCloseOnExec(fd));
}

function isCloseOnExec(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "latin1"))?.[1] ?? "0";
    return (Number.parseInt(flags, 8) & O_CLOEXEC) !== 0;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return true; // It was the listing's own.
    throw error;
  }
}
