import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  lutimesSync,
  openSync,
  writeSync,
} from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import type { FileEntry, Metadata } from "../layer/entry.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Place } from "../sys/root-path.ts";
import { O_PATH } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { KEPT_CAPABILITY, keepMetadata } from "./kept-metadata.ts";
import { writeKeptName } from "./kept-names.ts";
import { showPath } from "./resolve-path.ts";
import { keepsXattr } from "./xattr-policy.ts";

/** What writing needs beside the place. */
export interface WriteContext {
  readonly syscalls: Syscalls;
  /** Told what could not be kept and why; the extraction goes on. */
  readonly notice: (message: string) => void;
}

/** What a file of mode 0777 is when it was just made: who need not be changed, and which bits. */
export interface FreshFile {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits that do not come through: the umask, or what an access list of the directory takes. */
  readonly mask: number;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Setuid, setgid and sticky: a write or chown may have taken them away. */
const SPECIAL = 0o7000;
const SECOND = 1_000_000_000n;

/**
 * Makes a file with its content and metadata, in that order of chown, chmod, attributes and time: each
 * would undo part of one that comes later. Answers with a promise only where the content does.
 * `known` spares the system calls that would change nothing, which are a third of a small file's.
 * Throws `EEXIST` where something is there and `LAYER_CONTENT_CHANGED` where the size is another.
 */
export function writeFile(
  place: Place,
  entry: FileEntry,
  context: WriteContext,
  known?: FreshFile,
): void | Promise<void> {
  const fresh = context.syscalls.keepsMetadata === true ? undefined : known;
  const fd = openSync(place, CREATE, fresh === undefined ? 0o600 : entry.mode & 0o777);
  let waits = false;
  try {
    const rest = pump(fd, entry);
    if (rest === undefined) return finishFile(fd, place, entry, context, fresh);
    waits = true;
    return rest.then(() => finishFile(fd, place, entry, context, fresh)).finally(() => closeSync(fd));
  } finally {
    if (!waits) closeSync(fd);
  }
}

/** Sets owner, mode, attributes and time of what is not open: a directory (as `DIR/.`), device, fifo or link. */
export function setMetadata(
  place: Place,
  metadata: Metadata & { readonly path: string },
  type: string,
  context: WriteContext,
): void {
  if (context.syscalls.keepsMetadata === true) return setKept(place, metadata, type, context);
  chown(metadata, (uid, gid) => lchownSync(place, uid, gid));
  if (type === "directory") chmodSync(place, metadata.mode);
  else if (type !== "symlink") chmodNoFollow(place, metadata.mode);
  setXattrs(bytesOf(place), metadata, context);
  setTime(place, metadata.mtime, context.syscalls);
}

/** As {@link setMetadata} where the machine lets us not: attributes first, while we may write. */
function setKept(
  place: Place,
  metadata: Metadata & { readonly path: string },
  type: string,
  { syscalls, notice }: WriteContext,
): void {
  const path = bytesOf(place);
  if (type === "file" || type === "directory") {
    setXattrs(path, metadata, { syscalls, notice });
    keepMetadata(path, metadata, type, syscalls);
  } else {
    if (type !== "symlink") chmodNoFollow(place, metadata.mode);
    const slash = path.lastIndexOf("/");
    // A descriptor's path is a link, which these calls do not follow.
    const isKept = writeKeptName(`${path.slice(0, slash)}/.`, path.slice(slash + 1), metadata, syscalls);
    if (!isKept) notice(`${showPath(metadata.path)}: its owner is not kept: the directory has no room for more`);
  }
  setTime(place, metadata.mtime, syscalls);
}

/**
 * As {@link setMetadata} of a regular file that has its permission bits already.
 */
export function describeCopy(
  place: Place,
  metadata: Metadata & { readonly path: string },
  context: WriteContext,
): void {
  if (context.syscalls.keepsMetadata === true) return setKept(place, metadata, "file", context);
  const { uid, gid, mode } = metadata;
  chown(metadata, () => lchownSync(place, uid, gid));
  if ((mode & SPECIAL) !== 0) chmodNoFollow(place, mode);
  setXattrs(bytesOf(place), metadata, context);
  setTime(place, metadata.mtime, context.syscalls);
}

/** Sets the modification time, of a link its own. */
export function setTime(place: Place, mtime: bigint, syscalls: Syscalls): void {
  const seconds = wholeSeconds(mtime);
  if (seconds === undefined) syscalls.utimens(bytesOf(place), mtime);
  else lutimesSync(place, seconds, seconds);
}

/** A place as the system calls take it. */
export function bytesOf(place: Place): BytesPath {
  return typeof place === "string" ? place : place.toString("latin1");
}

function pump(fd: number, entry: FileEntry): Promise<void> | undefined {
  let left = entry.size;
  for (;;) {
    const bytes = entry.content.next();
    if (bytes instanceof Promise) return pumpWaiting(fd, entry, left, bytes);
    if (bytes === undefined) break;
    left -= bytes.length;
    if (left < 0) throw contentChanged(entry, "more");
    writeAll(fd, bytes);
  }
  if (left > 0) throw contentChanged(entry, `${entry.size - left}`);
  return undefined;
}

async function pumpWaiting(
  fd: number,
  entry: FileEntry,
  size: number,
  first: Promise<Uint8Array | undefined>,
): Promise<void> {
  let left = size;
  let bytes = await first;
  while (bytes !== undefined) {
    left -= bytes.length;
    if (left < 0) throw contentChanged(entry, "more");
    writeAll(fd, bytes);
    const next = entry.content.next();
    bytes = next instanceof Promise ? await next : next;
  }
  if (left > 0) throw contentChanged(entry, `${entry.size - left}`);
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at);
}

function finishFile(
  fd: number,
  place: Place,
  entry: FileEntry,
  context: WriteContext,
  fresh: FreshFile | undefined,
): void {
  if (context.syscalls.keepsMetadata === true) return setKept(place, entry, "file", context);
  const { uid, gid, mode } = entry;
  if (uid !== fresh?.uid || gid !== fresh.gid) chown(entry, () => fchownSync(fd, uid, gid));
  if (fresh === undefined || (mode & (SPECIAL | fresh.mask)) !== 0) fchmodSync(fd, mode);
  setXattrs(bytesOf(place), entry, context);
  const seconds = wholeSeconds(entry.mtime);
  if (seconds === undefined) context.syscalls.utimens(`/proc/self/fd/${fd}`, entry.mtime, true);
  else futimesSync(fd, seconds, seconds);
}

function wholeSeconds(mtime: bigint): number | undefined {
  return mtime % SECOND === 0n ? Number(mtime / SECOND) : undefined;
}

function chown(
  { uid, gid, path }: Metadata & { readonly path: string },
  body: (uid: number, gid: number) => void,
): void {
  try {
    body(uid, gid);
  } catch (error) {
    if (errnoOf(error) !== "EINVAL" && errnoOf(error) !== "EPERM") throw error;
    throw new AppError(
      "LAYER_ID_UNMAPPED",
      `cannot give ${showPath(path)} to ${uid}:${gid}: these ids are not mapped in the user namespace`,
      {
        hint: "Give the user more subordinate ids in /etc/subuid and /etc/subgid: 65536 are enough for nearly every image.",
        cause: error,
      },
    );
  }
}

/** chmod(2) follows links; through a path descriptor it cannot. */
function chmodNoFollow(place: Place, mode: number): void {
  const fd = openSync(place, O_PATH | constants.O_NOFOLLOW);
  try {
    chmodSync(`/proc/self/fd/${fd}`, mode);
  } finally {
    closeSync(fd);
  }
}

/** Sets what belongs to the content (see xattr-policy.ts). A file system without attributes loses them, with a notice. */
function setXattrs(
  path: BytesPath,
  entry: Metadata & { readonly path: string },
  { syscalls, notice }: WriteContext,
): void {
  for (const [name, value] of entry.xattrs ?? []) {
    if (!keepsXattr(name)) continue;
    try {
      syscalls.lsetxattr(path, name, value);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== "ENOTSUP" && errno !== "EPERM") throw error;
      if (errno === "EPERM" && syscalls.keepsMetadata === true && name === "security.capability") {
        syscalls.lsetxattr(path, KEPT_CAPABILITY, value);
        continue;
      }
      notice(`${showPath(entry.path)}: attribute ${name} is not on disk: ${errno}`);
    }
  }
}

function contentChanged(entry: FileEntry, found: string): AppError {
  return new AppError(
    "LAYER_CONTENT_CHANGED",
    `${showPath(entry.path)}: expected ${entry.size} bytes, found ${found}`,
    { retryable: true },
  );
}
