import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { KEPT_CAPABILITY, KEPT_PREFIX } from "./kept-metadata.ts";

/** Marks a directory that hides what lower layers hold in it, on overlay mounted with `userxattr`. */
export const OPAQUE_XATTR = "user.overlay.opaque";

/** Bookkeeping of overlayfs and of fuse-overlayfs. */
const FOREIGN = ["user.overlay.", "user.fuseoverlayfs."];

const CAPABILITY = "security.capability";

/**
 * Whether an extended attribute belongs to the content of an image.
 *
 * File capabilities and user attributes do. What the machine put there does not: labels (selinux),
 * access lists (their ids mean something here only), integrity hashes, overlayfs' own bookkeeping,
 * which in an image would forge whiteouts and redirects, and ours (kept-metadata.ts).
 */
export function keepsXattr(name: string): boolean {
  if (name === CAPABILITY) return true;
  return (
    name.startsWith("user.") && !FOREIGN.some((prefix) => name.startsWith(prefix)) && !name.startsWith(KEPT_PREFIX)
  );
}

/** The attributes of a file that {@link keepsXattr} keeps, by name in bytewise order; undefined where there are none. */
export function readXattrs(syscalls: Syscalls, path: BytesPath): ReadonlyMap<string, Uint8Array> | undefined {
  const all = syscalls.llistxattr(path);
  const names = all.filter(keepsXattr);
  if (syscalls.keepsMetadata === true && all.includes(KEPT_CAPABILITY)) names.unshift(CAPABILITY);
  if (names.length === 0) return undefined;
  const xattrs = new Map<string, Uint8Array>();
  for (const name of names) {
    const isKept = name === CAPABILITY && syscalls.keepsMetadata === true;
    const value = syscalls.lgetxattr(path, isKept ? KEPT_CAPABILITY : name);
    if (value !== undefined) xattrs.set(name, value);
  }
  return xattrs.size > 0 ? xattrs : undefined;
}
