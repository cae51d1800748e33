import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { makeDirectories } from "../sys/make-directories.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Place } from "../sys/root-path.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { entryOf } from "./node-entry.ts";
import { showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { walk } from "./walk.ts";
import { explainWrite } from "./write-error.ts";
import { bytesOf, setTime, writeFile } from "./write-node.ts";

export interface ExportOptions {
  readonly syscalls: Syscalls;
  readonly signal: AbortSignal;
  /** Told what was left out: devices, fifos and sockets. Default: nobody. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** The time of everything, nanoseconds since the epoch. Default: the tree's. */
  readonly mtime?: bigint | undefined;
}

const BREATH = 512;

/**
 * Writes the files, directories and links of `tree` into `directory`, which is made where it is
 * missing and keeps what it has else. Everything belongs to us; modes and times are the tree's.
 *
 * No link in the destination is followed: one in the way is replaced, as a file is. A directory that
 * has to give way is an error, `EXPORT_CONFLICT`. Names of one file become files of their own.
 */
export async function exportTree(
  tree: Tree,
  directory: string,
  { syscalls, signal, onNotice = () => {}, mtime }: ExportOptions,
): Promise<void> {
  const root = openRoot(directory);
  const directories: { readonly path: string; readonly node: TreeNode }[] = [];
  let count = 0;
  try {
    for (const { path, node } of walk(tree, "")) {
      signal.throwIfAborted();
      if (++count % BREATH === 0) await new Promise(setImmediate);
      if (node.type === "directory") directories.push({ path, node });
      try {
        await exportNode(tree, root, path, node, { syscalls, notice: onNotice, mtime });
      } catch (error) {
        throw explainWrite(error, path, "EXPORT_FAILED");
      }
    }
    // Last, and from below: a directory may be closed to us, and changes while it is filled.
    for (const { path, node } of directories.toReversed()) {
      const place = `${bytesOf(root.directory(path))}/.`;
      chmodSync(place, node.mode);
      setTime(place, mtime ?? node.mtime, syscalls);
    }
  } finally {
    root.close();
  }
}

function openRoot(directory: string): RootDirectory {
  try {
    makeDirectories(directory);
    return RootDirectory.open(directory, { links: "refuse" });
  } catch (error) {
    throw explainWrite(error, fromUtf8(directory.slice(1)), "EXPORT_FAILED");
  }
}

interface Context {
  readonly syscalls: Syscalls;
  readonly notice: (message: string) => void;
  readonly mtime: bigint | undefined;
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
      return exportDirectory(root, path);
    case "symlink":
      makeRoom(root, path);
      symlinkSync(fsPath(node.target ?? ""), root.at(path));
      return setTime(root.at(path), context.mtime ?? node.mtime, context.syscalls);
    case "file":
      makeRoom(root, path);
      return exportFile(tree, root.at(path), path, node, context);
    default:
      context.notice(`${showPath(path)}: a ${node.type} is left out`);
  }
}

function exportDirectory(root: RootDirectory, path: string): void {
  const there = root.lstat(path);
  if (there?.isDirectory() === true) {
    // Ours to fill for the time being; its mode comes last.
    chmodSync(`${bytesOf(root.directory(path))}/.`, 0o700);
    return;
  }
  if (there !== undefined) root.remove(path);
  mkdirSync(root.at(path), 0o700);
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
function makeRoom(root: RootDirectory, path: string): void {
  const there = root.lstat(path);
  if (there === undefined) return;
  if (there.isDirectory()) {
    throw new AppError("EXPORT_CONFLICT", `${showPath(path)} of the result is no directory, but one is in its place`, {
      hint: "Remove it, or write into another directory.",
    });
  }
  root.remove(path);
}
