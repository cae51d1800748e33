import { closeSync, mkdirSync, openSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { MOUNT, UMOUNT, O_PATH } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { emptyTree } from "./empty-tree.ts";
import type { Tree } from "./tree.ts";
import { setMetadata } from "./write-node.ts";

/** Paths of the machine, as text. */
export interface OverlayMount {
  /** Lowest first; at least one. */
  readonly lower: readonly string[];
  /** Where changes go. */
  readonly upper: string;
  /** An empty directory on the same file system as `upper`. */
  readonly work: string;
  readonly target: string;
  readonly syscalls: Syscalls;
}

/**
 * What is asked for, best first. `userxattr` always, so that a store has one form whoever made it. The
 * rest keeps the upper directory in plain form (no redirects, no files of metadata only); kernels
 * before 5.10 have no `volatile`, which spares syncs that a fresh snapshot does not need.
 */
const OPTIONS = [
  "userxattr,index=off,redirect_dir=nofollow,metacopy=off,volatile",
  "userxattr,index=off,redirect_dir=nofollow,metacopy=off",
  "userxattr",
];

/** What mount(2) passes on: a page with its NUL. */
const MAX_OPTIONS = 4095;

/**
 * Mounts an overlay. Directories are handed over as `/proc/self/fd/N`: this keeps 127 layers within
 * the one page of options wherever the store lies, and spares quoting `:` and `,`.
 * Throws `OVERLAY_MOUNT_FAILED` and `OVERLAY_TOO_DEEP`.
 */
export function mountOverlay({ lower, upper, work, target, syscalls }: OverlayMount): void {
  const descriptors: number[] = [];
  const open = (path: string): string => {
    const fd = openSync(path, O_PATH);
    descriptors.push(fd);
    return `/proc/self/fd/${fd}`;
  };
  try {
    // The kernel wants the highest first.
    const directories = `lowerdir=${lower.map(open).toReversed().join(":")},upperdir=${open(upper)},workdir=${open(work)}`;
    mountWith(directories, target, syscalls);
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

/** Makes the upper directory of a mount, its root as the layers below have it: overlayfs shows the upper one's. */
export function makeUpper(directory: string, lower: Tree, syscalls: Syscalls): void {
  mkdirSync(directory);
  const { mode, uid, gid, mtime, xattrs } = lower.lstat("") ?? emptyTree.lstat("")!;
  setMetadata(`${directory}/.`, { path: "", mode, uid, gid, mtime, xattrs }, "directory", {
    syscalls,
    notice: () => {},
  });
}

/** Takes a mount away; what still uses it keeps it until it ends. */
export function unmount(target: string, syscalls: Syscalls): void {
  syscalls.unmount(fromUtf8(target), UMOUNT.DETACH | UMOUNT.NOFOLLOW);
}

function mountWith(directories: string, target: string, syscalls: Syscalls): void {
  let refused: unknown;
  for (const options of OPTIONS) {
    const data = `${options},${directories}`;
    if (data.length > MAX_OPTIONS) throw tooDeep();
    try {
      syscalls.mount("overlay", fromUtf8(target), "overlay", MOUNT.NODEV, data);
      return;
    } catch (error) {
      refused = error;
      // EINVAL is how the kernel answers an option it does not know.
      if (errnoOf(error) !== "EINVAL") break;
    }
  }
  throw new AppError(
    "OVERLAY_MOUNT_FAILED",
    `cannot mount an overlay at ${JSON.stringify(target)}: ${errnoOf(refused) ?? "unknown"}`,
    {
      hint: "Put the store on ext4, xfs, btrfs or tmpfs: overlayfs takes neither NFS nor another overlay for its upper directory.",
      cause: refused,
    },
  );
}

function tooDeep(): AppError {
  return new AppError("OVERLAY_TOO_DEEP", "too many layers for one overlay mount: its options are longer than a page", {
    hint: "Put some of the instructions together: an image of more than 127 layers runs nowhere.",
  });
}
