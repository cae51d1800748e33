import { chmodSync, closeSync, constants, mkdirSync, openSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { AppError, errnoOf, messageOf } from "../base/errors.ts";
import { breather } from "../base/steps.ts";
import { toUtf8 } from "../layer/entry.ts";
import { makeDirectories } from "../sys/make-directories.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Place } from "../sys/root-path.ts";
import { fsPath } from "../sys/bytes-path.ts";
import { O_PATH } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { entryOf } from "./node-entry.ts";
import { ExportUndo } from "./export-undo.ts";
import { showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { walk } from "./walk.ts";
import { bytesOf, setTime, writeFile } from "./write-node.ts";

export interface ExportOptions {
  readonly syscalls: Syscalls;
  /** A path where a file can be made for a moment. */
  readonly temporary: string;
  readonly signal: AbortSignal;
  /** Told what was left out: devices, fifos and sockets. Default: nobody. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** The time of everything, nanoseconds since the epoch. Default: the tree's. */
  readonly mtime?: bigint | undefined;
}

/**
 * Writes the files, directories and links of `tree` into `directory`, which is made where it is
 * missing and keeps what it has else. Everything belongs to us; modes and times are the tree's.
 *
 * No link in the destination is followed: one in the way is replaced, as a file is. A directory that
 * has to give way is an error, `EXPORT_CONFLICT`; what the system refuses is `OUTPUT_UNWRITABLE` or
 * `OUTPUT_FULL`. Names of one file stay that where the file system has hard links. After a failure nothing new is left;
 * answers what takes away again what was made, or is closed.
 */
export async function exportTree(tree: Tree, directory: string, options: ExportOptions): Promise<ExportUndo> {
  const undo = new ExportUndo(directory, options.temporary);
  try {
    await exportInto(tree, directory, options, undo);
    return undo;
  } catch (error) {
    undo.undo();
    throw error;
  }
}

async function exportInto(
  tree: Tree,
  directory: string,
  { syscalls, signal, onNotice = () => {}, mtime }: ExportOptions,
  undo: ExportUndo,
): Promise<void> {
  const root = openRoot(directory, undo);
  const directories: { readonly path: string; readonly node: TreeNode }[] = [];
  const names = new Map<string, string>();
  const breathe = breather(signal);
  try {
    for (const { path, node } of walk(tree, "")) {
      signal.throwIfAborted();
      await breathe();
      if (node.type === "directory") directories.push({ path, node });
      try {
        await exportNode(tree, root, path, node, { syscalls, notice: onNotice, mtime, undo, names });
      } catch (error) {
        throw explainOutput(error, directory, path);
      }
    }
    // Last, and from below: a directory may be closed to us, and changes while it is filled.
    for (const { path, node } of directories.toReversed()) {
      try {
        const place = `${bytesOf(root.directory(path))}/.`;
        chmodSync(place, node.mode);
        setTime(place, mtime ?? node.mtime, syscalls);
      } catch (error) {
        throw explainOutput(error, directory, path);
      }
    }
  } finally {
    root.close();
  }
}

function openRoot(directory: string, undo: ExportUndo): RootDirectory {
  try {
    makeDirectories(directory, 0o777, undo.parents);
    return RootDirectory.open(directory, { links: "refuse" });
  } catch (error) {
    throw explainOutput(error, directory, "");
  }
}

/** A failed write at `path` below `directory`. What the system has not said passes as it is. */
function explainOutput(error: unknown, directory: string, path: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof AppError || errno === undefined) return error;
  const place = join(directory, toUtf8(path));
  const full = errno === "ENOSPC" || errno === "EDQUOT";
  return full
    ? new AppError("OUTPUT_FULL", `${place} cannot be written: no space left (${errno})`, {
        hint: "free space there or choose another destination",
        cause: error,
      })
    : new AppError("OUTPUT_UNWRITABLE", `${place} cannot be written: ${messageOf(error)}`, {
        hint: "check that the directory is yours to write",
        cause: error,
      });
}

interface Context {
  readonly syscalls: Syscalls;
  readonly notice: (message: string) => void;
  readonly mtime: bigint | undefined;
  readonly undo: ExportUndo;
  /** Where files with several names are, by their identity. */
  readonly names: Map<string, string>;
}

async function exportNode(
  tree: Tree,
  root: RootDirectory,
  path: string,
  node: TreeNode,
  context: Context,
): Promise<void> {
  switch (node.type) {
    case "directory":
      return exportDirectory(root, path, context.undo);
    case "symlink":
      makeRoom(root, path, context.undo);
      symlinkSync(fsPath(node.target ?? ""), root.at(path));
      setTime(root.at(path), context.mtime ?? node.mtime, context.syscalls);
      return context.undo.finished();
    case "file":
      makeRoom(root, path, context.undo);
      if (!linkKnown(root, path, node, context)) await exportFile(tree, root.at(path), path, node, context);
      return context.undo.finished();
    default:
      context.notice(`${showPath(path)}: a ${node.type} is left out`);
  }
}

function exportDirectory(root: RootDirectory, path: string, undo: ExportUndo): void {
  const there = root.lstat(path);
  if (there?.isDirectory() === true) {
    // Ours to fill for the time being; its mode comes last.
    undo.closed(path, Number(there.mode) & 0o7777);
    chmodSync(`${bytesOf(root.directory(path))}/.`, 0o700);
    return;
  }
  if (there !== undefined) root.remove(path);
  mkdirSync(root.at(path), 0o700);
  undo.directory(path);
}

/** Links `path` to the file's first name; false where this is the first one, or where no links can be made. */
function linkKnown(root: RootDirectory, path: string, node: TreeNode, { names, syscalls }: Context): boolean {
  if (node.links < 2 || node.identity === undefined) return false;
  const first = names.get(node.identity);
  if (first === undefined) names.set(node.identity, path);
  if (first === undefined) return false;
  const fd = openSync(root.at(first), O_PATH | constants.O_NOFOLLOW);
  try {
    syscalls.linkFollowing(`/proc/self/fd/${fd}`, bytesOf(root.at(path)));
    return true;
  } catch (error) {
    if (["EPERM", "ENOTSUP", "EMLINK", "EXDEV", "ENOSYS"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  } finally {
    closeSync(fd);
  }
}

async function exportFile(tree: Tree, place: Place, path: string, node: TreeNode, context: Context): Promise<void> {
  const entry = entryOf(tree, path, node);
  if (entry?.type !== "file") return;
  const mtime = context.mtime ?? entry.mtime;
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  try {
    await writeFile(place, { ...entry, ...owner, mtime, xattrs: undefined }, context);
  } finally {
    entry.content.close();
  }
}

/** Takes away the file or link that is in the way, never a directory. */
function makeRoom(root: RootDirectory, path: string, undo: ExportUndo): void {
  const there = root.lstat(path);
  if (there?.isDirectory() === true) {
    throw new AppError("EXPORT_CONFLICT", `${showPath(path)} of the result is no directory, but one is in its place`, {
      hint: "Remove it, or write into another directory.",
    });
  }
  undo.begun(path, there !== undefined);
  if (there !== undefined) root.remove(path);
}
