import type { Content } from "../layer/entry.ts";
import { fromUtf8 } from "../layer/entry.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { diskContent, unreadable } from "./disk-content.ts";
import { DiskNode, isWhiteout, readDiskEntries, readDiskNode } from "./disk-node.ts";
import type { DiskOptions } from "./disk-node.ts";
import { emptyTree } from "./empty-tree.ts";
import { baseOf, parentOf } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

/**
 * What overlayfs would show of a stack of snapshot directories, read without mounting them.
 *
 * The directories must not change while the tree is used: what is known of them is kept.
 */
export class LayeredTree implements Tree {
  readonly #roots: readonly string[];
  readonly #syscalls: Syscalls;
  readonly #options: DiskOptions;
  /** For each directory of the tree, the directories on disk that merge into it, highest first. */
  readonly #merged = new Map<string, readonly string[]>();

  /** `directories` are paths of the machine, as text, lowest first. */
  constructor(directories: readonly string[], syscalls: Syscalls) {
    this.#roots = directories.map((directory) => fromUtf8(directory)).toReversed();
    this.#syscalls = syscalls;
    this.#options = { syscalls };
    this.#merged.set("", this.#untilOpaque(this.#roots));
  }

  lstat(path: string): TreeNode | undefined {
    if (path === "") return this.#roots[0] === undefined ? emptyTree.lstat("") : this.#read(this.#roots[0]);
    const name = baseOf(path);
    for (const directory of this.#directoriesOf(parentOf(path))) {
      const node = this.#read(`${directory}/${name}`);
      if (node !== undefined) return isWhiteout(node) ? undefined : node;
    }
    return undefined;
  }

  readdir(path: string): readonly string[] {
    const names: string[] = [];
    const seen = new Set<string>();
    for (const directory of this.#directoriesOf(path)) {
      for (const { name, mayBeWhiteout } of readDiskEntries(directory, this.#syscalls)) {
        if (seen.has(name)) continue;
        seen.add(name);
        if (!mayBeWhiteout || !this.#isWhiteout(`${directory}/${name}`)) names.push(name);
      }
    }
    return names.sort();
  }

  open(path: string): Content {
    const node = this.lstat(path);
    if (!(node instanceof DiskNode)) throw unreadable(`/${path}`, undefined);
    return diskContent(node.path);
  }

  /** The directories on disk that make up the directory `path`, highest first; none where it is no directory. */
  #directoriesOf(path: string): readonly string[] {
    const known = this.#merged.get(path);
    if (known !== undefined) return known;
    const name = baseOf(path);
    const candidates: string[] = [];
    for (const parent of this.#directoriesOf(parentOf(path))) {
      const directory = `${parent}/${name}`;
      const node = this.#read(directory);
      if (node === undefined) continue;
      // A whiteout or a file hides what is below it.
      if (node.type !== "directory") break;
      candidates.push(directory);
    }
    const merged = this.#untilOpaque(candidates);
    this.#merged.set(path, merged);
    return merged;
  }

  #untilOpaque(directories: readonly string[]): readonly string[] {
    if (directories.length < 2) return directories;
    const opaque = directories.findIndex((path) => this.#syscalls.lgetxattr(path, OPAQUE_XATTR)?.toString() === "y");
    return opaque < 0 ? directories : directories.slice(0, opaque + 1);
  }

  #read(path: string): DiskNode | undefined {
    return readDiskNode(path, this.#options);
  }

  #isWhiteout(path: string): boolean {
    const node = this.#read(path);
    return node !== undefined && isWhiteout(node);
  }
}
