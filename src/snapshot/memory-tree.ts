import { AppError } from "../base/errors.ts";
import type { Content } from "../layer/entry.ts";
import { bytesContent } from "../layer/file-content.ts";
import type { IndexEntry } from "../layer/layer-index.ts";
import { baseOf, joinPath, parentOf, resolvePath, showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { keepsXattr } from "./xattr-policy.ts";

/**
 * A tree that layers are applied to in memory, with the same outcome as extracting them (apply.ts).
 * Files have content only where it was given.
 */
export class MemoryTree implements Tree {
  readonly #root: Item = { inode: { ...IMPLIED, links: 1 }, children: new Map(), layer: 0 };
  #layer = 0;

  lstat(path: string): TreeNode | undefined {
    return this.#find(path)?.inode;
  }

  readdir(path: string): readonly string[] {
    return [...(this.#find(path)?.children?.keys() ?? [])].sort();
  }

  open(path: string): Content {
    const content = this.#find(path)?.inode.content;
    if (content !== undefined) return bytesContent(content);
    throw new AppError("TREE_NO_CONTENT", `the content of ${showPath(path)} is not known: its layer was not extracted`);
  }

  /** What is applied from now on is of another layer: whiteouts hide what was there until now. */
  beginLayer(): void {
    this.#layer++;
  }

  /** Throws `LAYER_INVALID`. */
  apply(entry: IndexEntry, content?: Uint8Array): void {
    switch (entry.type) {
      case "whiteout":
        return this.#hide(entry.path);
      case "opaque":
        return this.#hideContent(entry.path);
      case "directory":
        return this.#putDirectory(entry);
      case "hardlink":
        return this.#putLink(entry);
      default:
        // On disk a device 0:0 would be a whiteout, so it is left out there too.
        if (entry.type === "char" && entry.major === 0 && entry.minor === 0) return;
        this.#put(this.#locate(entry.path), { inode: inodeOf(entry, content), layer: this.#layer });
    }
  }

  #putDirectory(entry: IndexEntry & { readonly type: "directory" }): void {
    const inode = inodeOf(entry, undefined);
    if (entry.path === "") {
      this.#root.inode = inode;
      return;
    }
    const real = this.#locate(entry.path);
    this.#put(real, { inode, children: this.#find(real)?.children ?? new Map<string, Item>(), layer: this.#layer });
  }

  #putLink(entry: IndexEntry & { readonly type: "hardlink" }): void {
    const real = this.#locate(entry.path);
    const target = resolvePath(this, entry.target, { followLast: false });
    const item = this.#find(target);
    if (item === undefined || item.children !== undefined || `${target}/`.startsWith(`${real}/`)) {
      throw new AppError(
        "LAYER_INVALID",
        `${showPath(entry.path)} is a hard link to ${showPath(entry.target)}, which is no file`,
      );
    }
    item.inode.links++;
    // A link to what is below brings it into this layer (overlayfs: copy-up).
    item.layer = this.#layer;
    this.#put(real, { inode: item.inode, layer: this.#layer });
  }

  #put(real: string, item: Item): void {
    const parent = this.#find(parentOf(real));
    const replaced = parent?.children?.get(baseOf(real));
    if (replaced !== undefined && replaced.children === undefined) replaced.inode.links--;
    parent?.children?.set(baseOf(real), item);
  }

  /** The real path of an entry, with its parents made. */
  #locate(path: string): string {
    return joinPath(this.#enter(parentOf(path)), baseOf(path));
  }

  #enter(path: string): string {
    if (path === "") return "";
    const real = resolvePath(this, this.#locate(path), { followLast: true });
    const item = this.#find(real);
    if (item === undefined) {
      this.#put(this.#locate(real), { inode: { ...IMPLIED, links: 1 }, children: new Map(), layer: this.#layer });
    } else if (item.children === undefined) {
      throw new AppError(
        "LAYER_INVALID",
        `layer puts something below ${showPath(path)}, which is a ${item.inode.type} and no directory`,
      );
    }
    return real;
  }

  #hide(path: string): void {
    const parent = resolvePath(this, parentOf(path), { followLast: true });
    const siblings = this.#find(parent)?.children;
    const item = siblings?.get(baseOf(path));
    if (item === undefined) return;
    this.#hideBelow(item);
    if (item.layer < this.#layer && (item.children?.size ?? 0) === 0) siblings?.delete(baseOf(path));
  }

  #hideContent(path: string): void {
    const item = this.#find(resolvePath(this, path, { followLast: true }));
    if (item?.children === undefined) return;
    this.#hideBelow(item);
    item.layer = this.#layer;
  }

  /** Takes away what is older than this layer and holds nothing of it. */
  #hideBelow(item: Item | undefined): void {
    for (const [name, child] of item?.children ?? []) {
      this.#hideBelow(child);
      if (child.layer < this.#layer && (child.children?.size ?? 0) === 0) item?.children?.delete(name);
    }
  }

  #find(path: string): Item | undefined {
    if (path === "") return this.#root;
    let item: Item | undefined = this.#root;
    for (const name of path.split("/")) item = item?.children?.get(name);
    return item;
  }
}

interface Item {
  inode: Inode;
  /** Of a directory. */
  readonly children?: Map<string, Item> | undefined;
  /** The layer that put it there, or last described it. */
  layer: number;
}

interface Inode extends TreeNode {
  links: number;
  readonly content?: Uint8Array | undefined;
}

const IMPLIED: TreeNode = { type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0n, links: 1 };

function inodeOf(
  entry: Exclude<IndexEntry, { readonly type: "whiteout" | "opaque" | "hardlink" }>,
  content: Uint8Array | undefined,
): Inode {
  const { type, mode, uid, gid, mtime } = entry;
  const kept = [...(entry.xattrs ?? [])].filter(([name]) => keepsXattr(name));
  return {
    ...{ type, mode: type === "symlink" ? 0o777 : mode, uid, gid, mtime, links: 1, content },
    size: entry.type === "file" ? entry.size : entry.type === "symlink" ? entry.target.length : 0,
    target: entry.type === "symlink" ? entry.target : undefined,
    major: "major" in entry ? entry.major : undefined,
    minor: "minor" in entry ? entry.minor : undefined,
    xattrs: kept.length > 0 ? new Map(kept) : undefined,
  };
}
