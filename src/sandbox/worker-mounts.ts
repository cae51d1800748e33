import { MOUNT } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { errnoOf } from "../base/errors.ts";

const QUIET = MOUNT.NOSUID | MOUNT.NODEV | MOUNT.NOEXEC;
const CGROUPS = "/sys/fs/cgroup";

/** Mounts a tmpfs on the empty directory `scratch`, in a mount namespace of our own, so that it goes when we do. */
export function mountScratch(syscalls: Syscalls, scratch: string): void {
  syscalls.mount("tmpfs", scratch, "tmpfs", QUIET, "mode=0700");
}

/**
 * Mounts on /sys/fs/cgroup the cgroups that this process is in, read-only. That is what a RUN sees; it also
 * gives runtimes one hierarchy, where crun refuses the hybrid ones, and none that they could leave anything in.
 */
export function mountOwnCgroups(syscalls: Syscalls): void {
  try {
    syscalls.mount("cgroup2", CGROUPS, "cgroup2", QUIET | MOUNT.RDONLY);
  } catch (error) {
    if (!["ENODEV", "EPERM", "EBUSY", "EINVAL"].includes(errnoOf(error) ?? "")) throw error;
    // A kernel without version 2, or one that keeps it from us: then there are no cgroups to be seen.
    syscalls.mount("tmpfs", CGROUPS, "tmpfs", QUIET | MOUNT.RDONLY, "mode=0755");
  }
}

/**
 * Mounts a /proc of our pid namespace. Answers the name of the error where that is refused, as it is in a
 * user namespace where parts of the one that is there are masked; that one stays then.
 */
export function mountOwnProc(syscalls: Syscalls): string | undefined {
  try {
    syscalls.mount("proc", "/proc", "proc", QUIET);
    return undefined;
  } catch (error) {
    if (!["EPERM", "EACCES"].includes(errnoOf(error) ?? "")) throw error;
    return errnoOf(error);
  }
}
