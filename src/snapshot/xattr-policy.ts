import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/** Marks a directory that hides what lower layers hold in it, on overlay mounted with `userxattr`. */
export const OPAQUE_XATTR = "user.overlay.opaque";

/**
 * Whether an extended attribute belongs to the content of an image.
 *
 * File capabilities and user attributes do. What the machine put there does not: labels (selinux),
 * access lists (their ids mean something here only), integrity hashes, and overlayfs' own bookkeeping,
 * which in an image would forge whiteouts and redirects.
 */
export function keepsXattr(name: string): boolean {
  return name === "security.capability" || (name.startsWith("user.") && !name.startsWith("user.overlay."));
}

/** The attributes of a file that {@link keepsXattr} keeps, by name in bytewise order; undefined where there are none. */
export function readXattrs(syscalls: Syscalls, path: BytesPath): ReadonlyMap<string, Uint8Array> | undefined {
  const names = syscalls.llistxattr(path).filter(keepsXattr);
  if (names.length === 0) return undefined;
  const xattrs = new Map<string, Uint8Array>();
  for (const name of names) {
    const value = syscalls.lgetxattr(path, name);
    if (value !== undefined) xattrs.set(name, value);
  }
  return xattrs.size > 0 ? xattrs : undefined;
}
