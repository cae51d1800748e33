import { closeSync, openSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

const S_IFCHR = 0o020000;
/** Marks an empty file as a whiteout, in a directory whose {@link OPAQUE_XATTR} says that there are such. */
const WHITEOUT_XATTR = "user.overlay.whiteout";

/**
 * Makes `name` in `directory`, where nothing must be, a whiteout: overlayfs' device 0:0, or where that is
 * refused (the directory is itself on an overlay) its other form, an empty file that is marked (Linux 6.7).
 */
export function makeWhiteout(directory: BytesPath, name: string, syscalls: Syscalls): void {
  const path = `${directory}/${name}`;
  try {
    syscalls.mknod(path, S_IFCHR, 0, 0);
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error;
    closeSync(openSync(fsPath(path), "wx", 0o600));
    syscalls.lsetxattr(path, WHITEOUT_XATTR, Buffer.from("y"));
    // A descriptor's path is a link, which these calls do not follow.
    const itself = `${directory}/.`;
    if (syscalls.lgetxattr(itself, OPAQUE_XATTR) === undefined)
      syscalls.lsetxattr(itself, OPAQUE_XATTR, Buffer.from("x"));
  }
}

/** Whether a directory may hold whiteouts that are marked files. */
export function mayHoldMarkedFiles(directory: BytesPath, syscalls: Syscalls): boolean {
  return syscalls.lgetxattr(directory, OPAQUE_XATTR) !== undefined;
}

/** Whether an empty file (`mode` is its last 12 bits) is marked as a whiteout. */
export function isMarkedFile(path: BytesPath, size: bigint, mode: number, syscalls: Syscalls): boolean {
  return size === 0n && mode === 0o600 && syscalls.lgetxattr(path, WHITEOUT_XATTR) !== undefined;
}
