import { chmodSync, closeSync, fstatSync, openSync, rmdirSync, unlinkSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { BytesPath } from "./bytes-path.ts";
import { fsPath, readNames } from "./bytes-path.ts";
import { OPEN_DIRECTORY, entryOf, selfFd } from "./kept-directories.ts";

/**
 * Removes `path` and all below it; false where there is nothing. The parent of `path` is taken as it
 * is, no link below it is followed, and directories closed to their owner are opened first.
 */
export function removeTree(path: BytesPath): boolean {
  try {
    unlinkSync(fsPath(path));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return false;
    // EISDIR is Linux's answer for a directory, EPERM that of POSIX and also an immutable file's.
    if (errno !== "EISDIR" && errno !== "EPERM") throw error;
    return removeDirectory(path, error);
  }
}

function removeDirectory(path: BytesPath, unlinkError: unknown): boolean {
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
    for (const name of readNames(selfFd(fd))) removeTree(entryOf(fd, name));
  } finally {
    closeSync(fd);
  }
  rmdirSync(fsPath(path));
  return true;
}
