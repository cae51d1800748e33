import type { Content } from "../layer/entry.ts";
import type { Match, Matcher } from "./match.ts";
import { joinPath, parentOf } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";

/**
 * `tree` without what `ignored` matches. A matched directory is there all the same when an exception
 * keeps something in it, as in BuildKit; what cannot hold an exception is never read.
 */
export function filteredTree(tree: Tree, ignored: Matcher): Tree {
  return ignored.empty ? tree : new FilteredTree(tree, ignored);
}

class FilteredTree implements Tree {
  readonly #tree: Tree;
  readonly #ignored: Matcher;
  readonly #matches = new Map<string, Match>();
  readonly #holders = new Map<string, boolean>();

  constructor(tree: Tree, ignored: Matcher) {
    this.#tree = tree;
    this.#ignored = ignored;
  }

  lstat(path: string): TreeNode | undefined {
    if (path === "") return this.#tree.lstat(path);
    const match = this.#match(path);
    // What is left out for sure is not even looked at: it may be unreadable.
    if (match.matched && this.#ignored.prunes(path, match)) return undefined;
    const node = this.#tree.lstat(path);
    if (node === undefined || !match.matched) return node;
    return node.type === "directory" && this.#holdsException(path) ? node : undefined;
  }

  readdir(path: string): readonly string[] {
    if (path !== "" && this.lstat(path) === undefined) return [];
    return this.#tree.readdir(path).filter((name) => {
      const child = joinPath(path, name);
      return !this.#match(child).matched || this.lstat(child) !== undefined;
    });
  }

  open(path: string): Content {
    return this.#tree.open(path);
  }

  #match(path: string): Match {
    const parent = parentOf(path);
    return this.#ignored.match(path, parent === "" ? undefined : this.#matchDirectory(parent));
  }

  #matchDirectory(path: string): Match {
    let match = this.#matches.get(path);
    if (match === undefined) this.#matches.set(path, (match = this.#match(path)));
    return match;
  }

  #holdsException(directory: string): boolean {
    let holds = this.#holders.get(directory);
    if (holds === undefined) {
      holds = this.#tree.readdir(directory).some((name) => {
        const child = joinPath(directory, name);
        return !this.#match(child).matched || this.lstat(child) !== undefined;
      });
      this.#holders.set(directory, holds);
    }
    return holds;
  }
}
