import { AppError } from "../base/errors.ts";
import { cleanPath } from "../base/clean-path.ts";
import { compileGlob, hasWildcard } from "./glob.ts";
import { notFound } from "./not-found.ts";
import { baseOf, joinPath, resolvePath, showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { walk } from "./walk.ts";

/** One thing that COPY names, after wildcards and links. */
export interface Source {
  /** The name it was called by: what it is called in a directory that it is put into. */
  readonly name: string;
  /** Where it is, links followed. */
  readonly path: string;
  readonly node: TreeNode;
}

export interface SelectOptions {
  /** The same tree without ignore patterns: tells whether a missing file is only left out. */
  readonly unfiltered?: Tree | undefined;
}

/**
 * What `paths` name in `tree`, in their order (BuildKit: solver/llbsolver/file, fsutil/copy).
 *
 * Paths are `latin1` byte strings relative to the root, with or without a leading slash; `..` stops at
 * the root. Symbolic links are followed inside the tree, also in the last component. Without wildcard
 * a path must exist (`COPY_NOT_FOUND`); a wildcard may match nothing, but the directory before it must exist.
 */
export function selectSources(tree: Tree, paths: readonly string[], options: SelectOptions = {}): readonly Source[] {
  return paths.flatMap((path) =>
    expand(tree, cleanPath(`/${path}`).slice(1), options).map((match) => follow(tree, match, options)),
  );
}

export interface Selected {
  /** Path in the source tree. */
  readonly source: string;
  /** Path below the source: `""` is the source itself. */
  readonly relative: string;
  readonly node: TreeNode;
}

/**
 * A source and, of a directory, everything in it: links inside are links. Sockets are left out, as
 * they mean nothing without the process that listens.
 */
export function* selectNodes(tree: Tree, source: Source): Generator<Selected, void> {
  yield { source: source.path, relative: "", node: source.node };
  if (source.node.type !== "directory") return;
  const cut = source.path === "" ? 0 : source.path.length + 1;
  for (const { path, node } of walk(tree, source.path)) {
    if (node.type !== "socket") yield { source: path, relative: path.slice(cut), node };
  }
}

/** The paths that a pattern matches, as they are called: links before the wildcard stay in them. */
function expand(tree: Tree, pattern: string, options: SelectOptions): readonly string[] {
  const components = pattern.split("/");
  const wild = components.findIndex(hasWildcard);
  if (wild < 0) return [pattern];
  const head = components.slice(0, wild).join("/");
  const base = resolvePath(tree, head, { followLast: true });
  if (tree.lstat(base)?.type !== "directory") throw notFound(tree, head, options.unfiltered);
  let matched = [base];
  for (const component of components.slice(wild)) {
    const matches = compileGlob(component);
    // A link to a directory has nothing below it here: readdir does not follow.
    matched = matched.flatMap((path) =>
      tree
        .readdir(path)
        .filter(matches)
        .map((name) => joinPath(path, name)),
    );
  }
  return matched;
}

function follow(tree: Tree, path: string, options: SelectOptions): Source {
  const real = resolvePath(tree, path, { followLast: true });
  const node = tree.lstat(real);
  if (node === undefined) throw notFound(tree, path, options.unfiltered);
  if (node.type === "socket") {
    throw new AppError("COPY_NOT_FOUND", `${showPath(path)} is a socket, which cannot be copied`);
  }
  return { name: baseOf(path), path: real, node };
}
