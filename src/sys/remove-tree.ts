import { chmodSync, closeSync, fstatSync, openSync, renameSync, rmdirSync, unlinkSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { BytesPath } from "./bytes-path.ts";
import { fsPath, readNames } from "./bytes-path.ts";
import { OPEN_DIRECTORY, entryOf, selfFd } from "./kept-directories.ts";

/** Directories on the way down that are open at a time. What is deeper is moved up first: a RUN may go as deep as it likes. */
const MAX_DEPTH = 64;

/**
 * Removes `path` and all below it; false where there is nothing. The parent of `path` is taken as it
 * is, no link below it is followed, and directories closed to their owner are opened first.
 */
export function removeTree(path: BytesPath): boolean {
  return removeAt(path, { top: undefined, moved: 0 }, 0);
}

/** The directory that is removed, and how many deep ones were moved into it. */
interface Removal {
  top: number | undefined;
  moved: number;
}

function removeAt(path: BytesPath, removal: Removal, depth: number): boolean {
  try {
    unlinkSync(fsPath(path));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return false;
    // EISDIR is Linux's answer for a directory, EPERM that of POSIX and also an immutable file's.
    if (errno !== "EISDIR" && errno !== "EPERM") throw error;
    return removeDirectory(path, error, removal, depth);
  }
}

function removeDirectory(path: BytesPath, unlinkError: unknown, removal: Removal, depth: number): boolean {
  let fd: number;
  try {
    fd = openSync(fsPath(path), OPEN_DIRECTORY);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT") return false;
    throw errno === "ENOTDIR" || errno === "ELOOP" ? unlinkError : error;
  }
  try {
    // Only to another user than root does it matter; the mode goes with the directory.
    if ((fstatSync(fd).mode & 0o700) !== 0o700) chmodSync(selfFd(fd), 0o700);
    removal.top ??= fd;
    if (depth >= MAX_DEPTH) return moveUp(path, removal.top, removal);
    removeEntries(fd, removal, depth);
  } finally {
    closeSync(fd);
  }
  rmdirSync(fsPath(path));
  return true;
}

function removeEntries(fd: number, removal: Removal, depth: number): void {
  for (;;) {
    const { moved } = removal;
    for (const name of readNames(selfFd(fd))) removeAt(entryOf(fd, name), removal, depth + 1);
    // The top may have got what was too deep.
    if (depth > 0 || moved === removal.moved) return;
  }
}

function moveUp(path: BytesPath, top: number, removal: Removal): true {
  for (;;) {
    try {
      renameSync(fsPath(path), fsPath(entryOf(top, `.moved-${removal.moved++}`)));
      return true;
    } catch (error) {
      // The tree has something of that name.
      if (!["EEXIST", "ENOTEMPTY", "ENOTDIR"].includes(errnoOf(error) ?? "")) throw error;
    }
  }
}
