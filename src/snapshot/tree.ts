import type { Content } from "../layer/entry.ts";

/**
 * A read-only view of a file tree: a directory on disk, a stack of extracted layers, or the index of
 * layers that were never extracted.
 *
 * Paths are `latin1` byte strings (see layer/entry.ts), clean and relative to the tree's root, which
 * is `""`. No method follows a symbolic link: {@link resolvePath} does, inside the root, and nothing
 * in a tree can lead out of it.
 */
export interface Tree {
  /** The node at `path`, or undefined. A `path` below a symlink or a file is absent, not an error. */
  lstat(path: string): TreeNode | undefined;
  /** Names in the directory `path`, in bytewise order; empty where it is no directory. */
  readdir(path: string): readonly string[];
  /** The bytes of the regular file at `path`. Throws `TREE_NO_CONTENT` where only metadata is known. */
  open(path: string): Content;
}

export interface TreeNode {
  readonly type: "directory" | "file" | "symlink" | "char" | "block" | "fifo" | "socket";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: bigint;
  /** Of a symlink: its text. */
  readonly target?: string | undefined;
  /** Of a device. */
  readonly major?: number | undefined;
  readonly minor?: number | undefined;
  /** Names the same file under several paths, where the tree can tell (`dev:ino`). */
  readonly identity?: string | undefined;
  /** Number of hard links, 1 where not known. */
  readonly links: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
}
