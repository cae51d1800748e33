import { AppError } from "../base/errors.ts";
import type { Content, Entry, FileEntry, Metadata } from "../layer/entry.ts";
import type { IndexEntry } from "../layer/layer-index.ts";
import { baseOf, showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";

/**
 * What `node` would be in a layer at `path`. `changes` replace its own metadata. A socket is undefined: no layer
 * has any. Throws `LAYER_NAME_RESERVED` for `.wh.NAME`, which a layer cannot hold: to its readers it removes NAME.
 */
export function bareEntryOf(path: string, node: TreeNode, changes: Partial<Metadata> = {}): IndexEntry | undefined {
  if (baseOf(path).startsWith(".wh.")) throw reservedName(path);
  const { mode, uid, gid, mtime, xattrs } = node;
  const metadata = { path, mode, uid, gid, mtime, xattrs, ...changes };
  switch (node.type) {
    case "file":
      return { type: "file", ...metadata, size: node.size };
    case "symlink":
      return { type: "symlink", ...metadata, target: node.target ?? "" };
    case "char":
    case "block":
      return { type: node.type, ...metadata, major: node.major ?? 0, minor: node.minor ?? 0 };
    case "directory":
    case "fifo":
      return { type: node.type, ...metadata };
    case "socket":
      return undefined;
  }
}

/** The whole entry of what lies at `path` in `tree`. */
export function entryOf(tree: Tree, path: string, node: TreeNode): Entry | undefined {
  const entry = bareEntryOf(path, node);
  return entry?.type === "file" ? withContent(entry, tree.open(path)) : entry;
}

function reservedName(path: string): AppError {
  return new AppError("LAYER_NAME_RESERVED", `${showPath(path)}: a name that begins with .wh. cannot be in an image`, {
    hint: "Rename the file, or leave it out by .dockerignore: image layers use such names for files they remove.",
  });
}

export function withContent(entry: Omit<FileEntry, "content">, content: Content): FileEntry {
  return { ...entry, content };
}
