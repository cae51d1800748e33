import { AppError } from "../base/errors.ts";
import { formatBytes } from "../base/bytes.ts";
import { resolvePath, showPath } from "./resolve-path.ts";
import type { Tree } from "./tree.ts";

/**
 * The bytes of a small regular file, links followed inside the root; undefined where nothing is there.
 * Throws `TREE_FILE_INVALID` where it is no regular file or longer than `limit` bytes.
 */
export function readTreeFile(tree: Tree, path: string, limit: number): Buffer | undefined {
  const real = resolvePath(tree, path, { followLast: true });
  const node = tree.lstat(real);
  if (node === undefined) return undefined;
  if (node.type !== "file") throw invalid(path, `expected a regular file, found a ${node.type}`);
  if (node.size > limit) throw invalid(path, `expected at most ${formatBytes(limit)}, found ${formatBytes(node.size)}`);
  return readAll(tree, real, limit);
}

function readAll(tree: Tree, path: string, limit: number): Buffer {
  const content = tree.open(path);
  const parts: Buffer[] = [];
  let total = 0;
  try {
    for (let bytes = content.next(); bytes !== undefined; bytes = content.next()) {
      if (bytes instanceof Promise) throw new Error("content of a tree came with a promise");
      total += bytes.length;
      if (total > limit) throw invalid(path, `expected at most ${formatBytes(limit)}, found more`);
      parts.push(Buffer.from(bytes));
    }
  } finally {
    content.close();
  }
  return Buffer.concat(parts, total);
}

function invalid(path: string, found: string): AppError {
  return new AppError("TREE_FILE_INVALID", `${showPath(path)}: ${found}`);
}
