import type { Entry } from "../layer/entry.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { DirectoryTree } from "./dir-tree.ts";
import { isWhiteout } from "./disk-node.ts";
import type { DiskNode } from "./disk-node.ts";
import { entryOf } from "./node-entry.ts";
import { joinPath, parentOf } from "./resolve-path.ts";
import { sameXattrs } from "./same-node.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

export interface DiffOptions {
  readonly syscalls: Syscalls;
  /**
   * Clean `latin1` paths that the sandbox made for its own mounts (`etc/resolv.conf`, `proc`): they are
   * not in the layer, unless as a directory that holds something else. Default none.
   */
  readonly stubs?: readonly string[] | undefined;
}

/**
 * What `directory`, a snapshot in overlayfs form, changes in `lower`, in layer order: parents before
 * their children, names bytewise, whiteouts of a directory before its other entries.
 *
 * A directory that differs from the one below in nothing was only copied up and has no entry. Of the
 * directories that hold a stub, and of the root, times do not count. What an opaque directory hides is
 * named by one whiteout each, as the image specification advises. Sockets are left out.
 */
export function* diffEntries(directory: string, lower: Tree, options: DiffOptions): Generator<Entry, void> {
  const diff = new Diff(directory, lower, options);
  yield* diff.root();
}

class Diff {
  readonly #upper: DirectoryTree;
  readonly #lower: Tree;
  readonly #syscalls: Syscalls;
  readonly #stubs: ReadonlySet<string>;
  readonly #timeless: ReadonlySet<string>;
  /** First names of files that have several. */
  readonly #names = new Map<string, string>();

  constructor(directory: string, lower: Tree, { syscalls, stubs = [] }: DiffOptions) {
    this.#upper = new DirectoryTree(directory, { syscalls });
    this.#lower = lower;
    this.#syscalls = syscalls;
    this.#stubs = new Set(stubs);
    this.#timeless = new Set(["", ...stubs.map(parentOf)]);
  }

  *root(): Generator<Entry, void> {
    const root = this.#upper.lstat("");
    if (root === undefined) return;
    if (!this.#isCopiedUp("", root, this.#lower.lstat(""))) yield* this.#emit("", root);
    yield* this.#inDirectory("", root, false);
  }

  /** `hidden`: a directory above hides what is below it. */
  *#inDirectory(path: string, node: DiskNode, hidden: boolean): Generator<Entry, void> {
    const hides = hidden || this.#isOpaque(node);
    const below = this.#lower.lstat(path)?.type === "directory";
    const names = this.#upper.readdir(path);
    if (below) yield* this.#whiteouts(path, names, hides);
    for (const name of names) {
      const child = joinPath(path, name);
      const found = this.#upper.lstat(child);
      if (found === undefined || isWhiteout(found) || this.#isStub(child, found)) continue;
      const covered = this.#lower.lstat(child);
      if (hides || found.type !== "directory" || !this.#isCopiedUp(child, found, covered))
        yield* this.#emit(child, found);
      if (found.type === "directory") yield* this.#inDirectory(child, found, hides);
    }
  }

  *#whiteouts(path: string, names: readonly string[], hides: boolean): Generator<Entry, void> {
    const own = new Set(names);
    // What is hidden as a whole is named one by one; otherwise overlayfs has a whiteout for each.
    for (const name of hides ? this.#lower.readdir(path) : names) {
      const child = joinPath(path, name);
      if (this.#stubs.has(child)) continue;
      const node = own.has(name) ? this.#upper.lstat(child) : undefined;
      const isGone = node === undefined ? hides : isWhiteout(node);
      if (isGone && this.#lower.lstat(child) !== undefined) yield { type: "whiteout", path: child };
    }
  }

  *#emit(path: string, node: DiskNode): Generator<Entry, void> {
    if (node.type === "file" && node.links > 1) {
      const target = this.#names.get(node.identity);
      if (target !== undefined) {
        const { mode, uid, gid, mtime, xattrs } = node;
        yield { type: "hardlink", path, mode, uid, gid, mtime, xattrs, target };
        return;
      }
      this.#names.set(node.identity, path);
    }
    const entry = entryOf(this.#upper, path, node);
    if (entry !== undefined) yield entry;
  }

  #isCopiedUp(path: string, upper: TreeNode, lower: TreeNode | undefined): boolean {
    return (
      lower?.type === "directory" &&
      upper.mode === lower.mode &&
      upper.uid === lower.uid &&
      upper.gid === lower.gid &&
      (upper.mtime === lower.mtime || this.#timeless.has(path)) &&
      sameXattrs(upper.xattrs, lower.xattrs)
    );
  }

  #isOpaque(node: DiskNode): boolean {
    return this.#syscalls.lgetxattr(node.path, OPAQUE_XATTR)?.toString() === "y";
  }

  /** A stub that is a directory below as well, or holds more than stubs, is not ours alone. */
  #isStub(path: string, node: DiskNode): boolean {
    if (!this.#stubs.has(path)) return false;
    if (node.type !== "directory") return true;
    if (this.#lower.lstat(path) !== undefined) return false;
    return this.#upper.readdir(path).every((name) => {
      const child = joinPath(path, name);
      const found = this.#upper.lstat(child);
      return found === undefined || this.#isStub(child, found);
    });
  }
}
