import type { Entry } from "../layer/entry.ts";
import { bareEntryOf, withContent } from "./node-entry.ts";
import { joinPath } from "./resolve-path.ts";
import type { Tree } from "./tree.ts";
import { walk } from "./walk.ts";

export interface TreeEntriesOptions {
  /** A directory that everything goes into, as an entry of its own; empty: none. */
  readonly prefix: string;
  /** The time of everything, nanoseconds since the epoch. Default: what each file has. */
  readonly mtime?: bigint | undefined;
}

/** All of a tree as the entries of one tar: further names of a file are links to its first. Sockets are left out. */
export function* treeEntries(tree: Tree, { prefix, mtime }: TreeEntriesOptions): Generator<Entry, void> {
  const names = new Map<string, string>();
  const top = tree.lstat("");
  if (prefix !== "")
    yield { type: "directory", path: prefix, mode: 0o755, uid: 0, gid: 0, mtime: mtime ?? top?.mtime ?? 0n };
  for (const { path, node } of walk(tree, "")) {
    const entry = bareEntryOf(path, node, mtime === undefined ? {} : { mtime });
    if (entry === undefined) continue;
    const at = joinPath(prefix, path);
    if (entry.type !== "file") {
      yield { ...entry, path: at };
      continue;
    }
    const { size: _size, type: _type, ...metadata } = entry;
    const first = node.identity === undefined ? undefined : names.get(node.identity);
    if (first !== undefined) {
      yield { type: "hardlink", ...metadata, path: at, target: first };
      continue;
    }
    if (node.links > 1 && node.identity !== undefined) names.set(node.identity, at);
    yield withContent({ ...entry, path: at }, tree.open(path));
  }
}
