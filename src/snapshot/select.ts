import { AppError } from "../base/errors.ts";
import { cleanPath } from "../base/clean-path.ts";
import { toUtf8 } from "../layer/entry.ts";
import { compileGlob, hasWildcard, literalPath } from "./glob.ts";
import { notFound } from "./not-found.ts";
import { compileMatcher } from "./match.ts";
import type { Matcher } from "./match.ts";
import { baseOf, joinPath, resolvePath, showPath } from "./resolve-path.ts";
import { selectInside } from "./select-inside.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** One thing that COPY names, after wildcards and links. */
export interface Source {
  /** The name it was called by: what it is called in a directory that it is put into. */
  readonly name: string;
  /** Where it is, links followed. */
  readonly path: string;
  readonly node: TreeNode;
  readonly tree: Tree;
  /** This directory was an archive, which the content digest is made of; its files keep their modes. */
  readonly archive?: UnpackedArchive | undefined;
  /** Its own mode and owner count, though it be a directory. */
  readonly withItself?: boolean | undefined;
  /** What of a directory is taken, by its path inside. Absent: everything. */
  readonly include?: Matcher | undefined;
  /** What of it is left out. */
  readonly exclude?: Matcher | undefined;
}

export interface UnpackedArchive {
  readonly source: Source;
  readonly digest: Uint8Array;
  /** Whether the archive has a member for a directory; else it only follows from what is in it. */
  readonly describes: (directory: string) => boolean;
}

export interface SelectOptions {
  /** The same tree without ignore patterns: tells whether a missing file is only left out. */
  readonly unfiltered?: Tree | undefined;
  /** --parents: directories before a file come with it, those before a `/./` apart. */
  readonly parents?: boolean | undefined;
  /** --exclude: patterns (text) of paths inside the directories that are named. */
  readonly excludes?: readonly string[] | undefined;
  /** A directory that is named counts with its own mode and owner. */
  readonly withItself?: boolean | undefined;
}

/**
 * What `paths` name in `tree`, in their order (BuildKit: solver/llbsolver/file, fsutil/copy).
 *
 * Paths are `latin1` byte strings relative to the root, with or without a leading slash; `..` stops at
 * the root. Symbolic links are followed inside the tree, also in the last component. Without wildcard
 * a path must exist (`COPY_NOT_FOUND`); a wildcard may match nothing, but the directory before it must exist.
 */
export function selectSources(tree: Tree, paths: readonly string[], options: SelectOptions = {}): readonly Source[] {
  const exclude = options.excludes === undefined ? undefined : compileMatcher(options.excludes);
  return paths.flatMap((path) => {
    const { root, include } = options.parents === true ? atPivot(tree, path, options) : { root: path };
    const matches = expand(tree, cleanPath(`/${root}`).slice(1), options);
    const { withItself } = options;
    const sources = matches.map((match): Source => ({ ...follow(tree, match, options), withItself, include, exclude }));
    // A file that matches what is before a pivot has nothing below it that could be meant.
    return include === undefined ? sources : sources.filter(({ node }) => node.type === "directory");
  });
}

export interface Selected {
  /** Path in the source tree. */
  readonly source: string;
  /** Path below the source: `""` is the source itself. */
  readonly relative: string;
  readonly node: TreeNode;
  /** A directory that comes along for what is in it: one that is there already keeps its owner, time and attributes. */
  readonly along?: boolean | undefined;
}

/**
 * A source and, of a directory, everything in it: links inside are links. Sockets are left out, as
 * they mean nothing without the process that listens.
 */
export function* selectNodes(tree: Tree, source: Source): Generator<Selected, void> {
  yield { source: source.path, relative: "", node: source.node };
  if (source.node.type !== "directory") return;
  for (const selected of selectInside(tree, source)) {
    if (selected.node.type === "directory" && source.archive?.describes(selected.relative) === false) {
      yield { ...selected, along: true };
    } else if (selected.node.type !== "socket") {
      yield selected;
    }
  }
}

/**
 * Where --parents begins and what it takes below: the path, or what follows its first `/./`. A path
 * without wildcards must be there, and not behind a link: the directories before it come with it, and a
 * link is none.
 */
function atPivot(
  tree: Tree,
  path: string,
  options: SelectOptions,
): { readonly root: string; readonly include: Matcher | undefined } {
  const pivot = path.indexOf("/./");
  const root = pivot < 0 ? "" : path.slice(0, pivot);
  const below = cleanPath(`/${pivot < 0 ? path : path.slice(pivot + 2)}`).slice(1);
  if (!hasWildcard(path)) {
    const begin = resolvePath(tree, cleanPath(`/${root}`).slice(1), { followLast: true });
    if (tree.lstat(below === "" ? begin : joinPath(begin, below)) === undefined) {
      throw notFound(tree, cleanPath(`/${root}/${below}`).slice(1), options.unfiltered);
    }
  }
  return { root, include: below === "" ? undefined : compileMatcher([toUtf8(below)]) };
}

/** The paths that a pattern matches, as they are called: links before the wildcard stay in them. */
function expand(tree: Tree, pattern: string, options: SelectOptions): readonly string[] {
  const literal = literalPath(pattern);
  if (literal !== undefined) return [literal];
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
  return { name: baseOf(path), path: real, node, tree };
}
