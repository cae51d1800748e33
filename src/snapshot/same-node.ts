import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import { unreadable } from "./disk-content.ts";
import type { DiskNode } from "./disk-node.ts";
import type { TreeNode } from "./tree.ts";

/**
 * Whether two nodes are the same in everything that a layer can say of one, except for its other names. Yields
 * as it compares the bytes of files.
 */
export function* isSameNode(a: DiskNode, b: DiskNode): Generator<void, boolean> {
  if (a.type !== b.type || a.uid !== b.uid || a.gid !== b.gid || a.mtime !== b.mtime) return false;
  if (a.type === "symlink") return a.target === b.target;
  if (a.mode !== b.mode || a.major !== b.major || a.minor !== b.minor) return false;
  if (!sameXattrs(a.xattrs, b.xattrs)) return false;
  return a.type !== "file" || (a.size === b.size && (yield* sameBytes(a.path, b.path)));
}

export function sameXattrs(a: TreeNode["xattrs"], b: TreeNode["xattrs"]): boolean {
  if ((a?.size ?? 0) !== (b?.size ?? 0)) return false;
  return [...(a ?? [])].every(([name, value]) => {
    const other = b?.get(name);
    return other !== undefined && Buffer.compare(value, other) === 0;
  });
}

const ROOM = 256 * 1024;
const [left, right] = [Buffer.allocUnsafeSlow(ROOM), Buffer.allocUnsafeSlow(ROOM)];

function* sameBytes(a: BytesPath, b: BytesPath): Generator<void, boolean> {
  const one = openFile(a);
  try {
    const other = openFile(b);
    try {
      for (;;) {
        const length = fill(one, left);
        if (length !== fill(other, right)) return false;
        if (left.compare(right, 0, length, 0, length) !== 0) return false;
        if (length < ROOM) return true;
        yield;
      }
    } finally {
      closeSync(other);
    }
  } finally {
    closeSync(one);
  }
}

/** Neither a link nor a fifo that took the file's place is read. */
function openFile(path: BytesPath): number {
  let fd: number;
  try {
    fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw unreadable(path, error);
  }
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  throw unreadable(path, undefined);
}

/** Reads until the buffer is full or the file ends. */
function fill(fd: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return length;
}
