import type { Content } from "../layer/entry.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { diskContent, unreadable } from "./disk-content.ts";
import { readDiskNames, readDiskNode } from "./disk-node.ts";
import type { DiskNode, DiskOptions } from "./disk-node.ts";
import { parentOf } from "./resolve-path.ts";
import type { Tree } from "./tree.ts";

/**
 * A directory of the machine, such as a build context. Nothing but regular files is ever opened.
 *
 * Directories seen once are taken to stay directories: a path is checked component by component the
 * first time only.
 */
export class DirectoryTree implements Tree {
  readonly #root: string;
  readonly #options: DiskOptions;
  readonly #directories = new Map<string, boolean>();

  /** `root` is a path of the machine, as text; it may itself be a symbolic link to a directory. */
  constructor(root: string, options: DiskOptions = {}) {
    // The trailing `/.` follows a link here, once, and nowhere below.
    this.#root = `${fromUtf8(root)}/.`;
    this.#options = options;
  }

  lstat(path: string): DiskNode | undefined {
    return this.#inDirectory(path) ? this.#read(path) : undefined;
  }

  readdir(path: string): readonly string[] {
    return this.#isDirectory(path) ? readDiskNames(this.#absolute(path)) : [];
  }

  open(path: string): Content {
    if (!this.#inDirectory(path)) throw unreadable(this.#absolute(path), undefined);
    return diskContent(this.#absolute(path));
  }

  #absolute(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  #read(path: string): DiskNode | undefined {
    const node = readDiskNode(this.#absolute(path), this.#options);
    if (node?.type === "directory") this.#directories.set(path, true);
    return node;
  }

  #inDirectory(path: string): boolean {
    return path === "" || this.#isDirectory(parentOf(path));
  }

  #isDirectory(path: string): boolean {
    if (path === "") return true;
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const found = this.lstat(path)?.type === "directory";
    this.#directories.set(path, found);
    return found;
  }
}
