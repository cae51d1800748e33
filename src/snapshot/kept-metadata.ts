import { chmodSync } from "node:fs";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/**
 * What a file is in the image, where the machine lets us not make it so: a plain user without
 * subordinate ids owns all he writes, makes no devices and must be able to read what he wrote.
 * Such a place is told by {@link Syscalls.keepsMetadata}; elsewhere none of this is read or written.
 *
 * Files and directories carry it as an attribute, which links to the same file share. What can have no
 * attributes of a user's (links, fifos, sockets) is in one of its directory, by name (kept-names.ts).
 * What has neither is root's, with the mode that the disk says. Whoever fakes a chown or mknod in such a place
 * (sandbox/fake-root) writes the same records, so that nothing is left to be collected after a RUN.
 */
export interface KeptMetadata {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with the special ones. */
  readonly mode: number;
  /** Of what stands on disk as an empty file. */
  readonly device?: { readonly type: "char" | "block"; readonly major: number; readonly minor: number } | undefined;
}

/** Begins the names of our attributes, which are in no image. */
export const KEPT_PREFIX = "user.manyarch.";
/** Of a file or directory itself, as {@link formatKept} writes it. */
export const KEPT_NODE = `${KEPT_PREFIX}node`;
/** Stands for `security.capability`, as its bytes. */
export const KEPT_CAPABILITY = `${KEPT_PREFIX}capability`;

/** What is kept of a file or directory itself. */
export function readKept(path: BytesPath, syscalls: Syscalls): KeptMetadata | undefined {
  const value = syscalls.lgetxattr(path, KEPT_NODE);
  return value === undefined ? undefined : parseKept(value.toString("latin1"));
}

/**
 * Gives a file or directory of ours its permissions on disk and keeps what they cannot say. A file that
 * carries a record stays writable on disk, or the record could not be changed.
 */
export function keepMetadata(
  path: BytesPath,
  kept: KeptMetadata,
  type: "file" | "directory",
  syscalls: Syscalls,
): void {
  const least = type === "directory" ? 0o700 : 0o400;
  const plain = kept.uid === 0 && kept.gid === 0 && kept.device === undefined && (kept.mode & least) === least;
  if (!plain) {
    chmodSync(fsPath(path), kept.mode | (type === "directory" ? 0o700 : 0o600));
    return syscalls.lsetxattr(path, KEPT_NODE, Buffer.from(formatKept(kept), "latin1"));
  }
  if (syscalls.lgetxattr(path, KEPT_NODE) !== undefined) syscalls.lremovexattr(path, KEPT_NODE);
  chmodSync(fsPath(path), kept.mode);
}

/** `UID GID MODE`, the mode octal, and for a device its type and numbers. */
export function formatKept({ uid, gid, mode, device }: KeptMetadata): string {
  const text = `${uid} ${gid} ${mode.toString(8)}`;
  return device === undefined ? text : `${text} ${device.type} ${device.major} ${device.minor}`;
}

export function parseKept(text: string): KeptMetadata | undefined {
  const fields = /^(\d+) (\d+) ([0-7]+)(?: (char|block) (\d+) (\d+))?$/.exec(text);
  if (fields === null) return undefined;
  const [, uid, gid, mode, type, major, minor] = fields;
  const kept = { uid: Number(uid), gid: Number(gid), mode: Number.parseInt(mode ?? "0", 8) };
  if (type !== "char" && type !== "block") return kept;
  return { ...kept, device: { type, major: Number(major), minor: Number(minor) } };
}
