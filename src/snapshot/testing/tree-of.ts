import type { IndexEntry } from "../../layer/layer-index.ts";
import { MemoryTree } from "../memory-tree.ts";

/** What {@link treeOf} takes for a path: a file's text, or more. A path that ends in `/` is a directory. */
export type Spec = string | { readonly link: string } | Partial<IndexEntry>;

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 1_000_000_000n };

/** A tree in memory, for tests: `{ "dir/": {}, "dir/file": "text", "lnk": { link: "dir" } }`. */
export function treeOf(specs: Readonly<Record<string, Spec>>): MemoryTree {
  const tree = new MemoryTree();
  for (const [path, spec] of Object.entries(specs)) {
    const content = typeof spec === "string" ? Buffer.from(spec) : Buffer.alloc(0);
    tree.apply(entryOf(path, spec, content.length), content);
  }
  return tree;
}

function entryOf(path: string, spec: Spec, size: number): IndexEntry {
  if (typeof spec === "string") return { type: "file", path, ...METADATA, size };
  if ("link" in spec) return { type: "symlink", path, ...METADATA, mode: 0o777, target: spec.link };
  if (path.endsWith("/"))
    return { type: "directory", ...METADATA, mode: 0o755, ...spec, path: path.slice(0, -1) } as IndexEntry;
  return { ...METADATA, ...spec, path } as IndexEntry;
}
