import { AppError } from "../base/errors.ts";
import type { Metadata } from "../layer/entry.ts";
import type { IndexEntry } from "../layer/layer-index.ts";
import { landing } from "./landing.ts";
import { bareEntryOf } from "./node-entry.ts";
import { joinPath, parentOf, resolvePath, showPath } from "./resolve-path.ts";
import type { Selected, Source } from "./select.ts";
import type { ResolvedOwner } from "./owner.ts";
import { applyMode } from "./symbolic-mode.ts";
import type { FileMode } from "./symbolic-mode.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** Where COPY puts things, and as what. */
export interface Placement {
  /** What is there already. Its symbolic links on the way to the destination are followed inside it. */
  readonly base: Tree;
  /** `latin1`, absolute or relative to the root. */
  readonly destination: string;
  /** The destination is a directory, which is made where it is missing. */
  readonly intoDirectory: boolean;
  /** Owner of everything that is placed or made. Default: the source's own, and root for made directories. */
  readonly owner?: ResolvedOwner | undefined;
  /** Permission bits of everything that is placed or made but links. Default: the source's own, and 0755. */
  readonly mode?: FileMode | undefined;
}

/** One step of a COPY. Every selected node comes by once, in the order of the selection. */
export interface Placed {
  /** Absent for a directory that is made on the way to the destination. */
  readonly selected?: Selected | undefined;
  readonly source: Source;
  /** Absent where the layer needs none: a directory that is there, a file that a later source replaces. */
  readonly entry?: IndexEntry | undefined;
}

/**
 * Lays sources onto a tree by BuildKit's rules (fsutil/copy): what a directory contains is merged into
 * the destination; directories inside take the source's metadata even where they exist, those that only come
 * along its mode; the destination itself keeps its own but for its time; a file replaces a file or a link. `nodesOf` lists a source (see selectNodes) and
 * is called twice where there are several, as no path may come twice in a layer.
 * Throws `COPY_TYPE_CONFLICT` where a directory meets something else.
 */
export function* place(
  sources: readonly Source[],
  nodesOf: (source: Source) => Iterable<Selected>,
  placement: Placement,
): Generator<Placed, void> {
  const finals = mayRepeat(sources) ? finalNodes(spots(sources, nodesOf, placement)) : undefined;
  const names = new Map<Source, Map<string, string>>(sources.map((source) => [source, new Map()]));
  const first = sources.find(isMerged);
  const touched = touchedDirectory(sources, placement);
  for (const spot of spots(sources, nodesOf, placement)) {
    const { path, selected, source } = spot;
    if (selected === undefined) {
      yield { source, entry: madeDirectory(path, source, placement) };
      continue;
    }
    if (spot.kept) {
      yield { source, selected, entry: path === touched?.path && source === first ? touched : undefined };
      continue;
    }
    const final = finals?.get(path);
    const node = takeTurn(final, selected.node);
    const changes = final?.changes ?? spot.changes;
    yield { source, selected, entry: node && toEntry(path, node, changes, names.get(source)) };
  }
}

type Changes = Partial<Omit<Metadata, "path">>;

interface Spot {
  readonly path: string;
  readonly source: Source;
  readonly selected?: Selected | undefined;
  /** What of the selected node's metadata is not as it was. */
  readonly changes: Changes;
  /** A named directory, of which only the content is placed. */
  readonly kept: boolean;
}

/** What a path becomes when several sources have it. */
interface Final {
  node: TreeNode;
  changes: Changes;
  /** How many more sources have it. */
  left: number;
  emitted: boolean;
}

function finalNodes(all: Iterable<Spot>): Map<string, Final> {
  const finals = new Map<string, Final>();
  for (const { path, source, selected, changes, kept } of all) {
    if (selected === undefined || kept) continue;
    const { node, along } = selected;
    const final = finals.get(path);
    if (final === undefined) {
      finals.set(path, { node, changes, left: 1, emitted: false });
      continue;
    }
    final.left++;
    if (along !== true) Object.assign(final, { node, changes });
    else if (source.archive === undefined) final.changes = { ...final.changes, mode: node.mode };
  }
  return finals;
}

/** A directory is emitted at its first turn, before what is in it; anything else at its last, when it is final. */
function takeTurn(final: Final | undefined, node: TreeNode): TreeNode | undefined {
  if (final === undefined) return node;
  final.left--;
  const due = node.type === "directory" ? !final.emitted : final.left === 0;
  if (!due) return undefined;
  final.emitted = true;
  return node.type === "directory" ? final.node : node;
}

/** Where every node goes, with the directories that must be made for it. */
function* spots(
  sources: readonly Source[],
  nodesOf: (source: Source) => Iterable<Selected>,
  placement: Placement,
): Generator<Spot, void> {
  const { base, destination, intoDirectory } = placement;
  const first = sources[0];
  if (first === undefined) return;
  const target = resolvePath(base, destination, { followLast: true });
  const types = new Map<string, TreeNode["type"]>();
  const typeAt = (path: string): TreeNode["type"] | undefined => types.get(path) ?? base.lstat(path)?.type;
  const remembers = mayRepeat(sources);

  function* make(directory: string, source: Source): Generator<Spot, void> {
    const type = typeAt(directory);
    if (type === "directory") return;
    if (type !== undefined) throw conflict("directory", directory, type);
    if (directory !== "") yield* make(parentOf(directory), source);
    types.set(directory, "directory");
    yield { path: directory, source, changes: {}, kept: false };
  }

  yield* make(intoDirectory ? target : parentOf(target), first);
  for (const source of sources) {
    const isDirectory = source.node.type === "directory";
    if (isDirectory) yield* make(target, source);
    const top = !isDirectory && typeAt(target) === "directory" ? joinPath(target, source.name) : target;
    const landsAt = landing(source, top, base);
    for (const selected of nodesOf(source)) {
      const path = landsAt(selected);
      const kept = isDirectory && selected.relative === "";
      // A member of an archive replaces whatever the image has there.
      const inArchive = source.archive !== undefined;
      const replaces = inArchive && selected.along !== true;
      if (!kept) checkTypes(selected.node.type, path, replaces ? types.get(path) : typeAt(path));
      if (inArchive && !replaces) yield* make(parentOf(path), source);
      if (remembers) types.set(path, selected.node.type);
      yield { path, source, selected, changes: kept ? {} : changesOf(selected, path, source, placement), kept };
    }
  }
}

/** Whether a path may come by twice: of several sources, or by its name and through a link. */
function mayRepeat(sources: readonly Source[]): boolean {
  return sources.length > 1 || sources.some(({ archive }) => archive !== undefined);
}

function checkTypes(placed: TreeNode["type"], path: string, there: TreeNode["type"] | undefined): void {
  if (there !== undefined && (placed === "directory") !== (there === "directory")) throw conflict(placed, path, there);
}

function conflict(placed: string, path: string, there: string): AppError {
  return new AppError("COPY_TYPE_CONFLICT", `cannot put a ${placed} at ${showPath(path)}: a ${there} is there`, {
    hint: "Remove it in an earlier RUN, or copy to another path.",
  });
}

/** The destination, where it is there already: it takes the time of the last directory copied into it. */
function touchedDirectory(sources: readonly Source[], { base, destination }: Placement): IndexEntry | undefined {
  const last = sources.findLast((source) => isMerged(source) && source.path !== "");
  if (last === undefined) return undefined;
  const path = resolvePath(base, destination, { followLast: true });
  const there = path === "" ? undefined : base.lstat(path);
  if (there?.type !== "directory") return undefined;
  return bareEntryOf(path, there, { mtime: last.node.mtime });
}

function isMerged({ node, archive }: Source): boolean {
  return node.type === "directory" && archive === undefined;
}

/** Made by the way: times are the source's, so that equal input makes an equal layer. */
function madeDirectory(path: string, source: Source, { owner, mode }: Placement): IndexEntry {
  const { uid, gid } = owner ?? { uid: 0, gid: 0 };
  // As in BuildKit, an octal --chmod reaches made directories too, but not with its special bits.
  return {
    type: "directory",
    path,
    mode: typeof mode === "number" && source.archive === undefined ? mode & 0o777 : 0o755,
    uid,
    gid,
    mtime: source.node.mtime,
  };
}

/** Of a directory that is there already at most the mode changes where it only comes along. */
function changesOf({ node, along }: Selected, path: string, source: Source, placement: Placement): Changes {
  const there = along === true ? placement.base.lstat(path) : undefined;
  if (there?.type === "directory") {
    const mode = source.archive === undefined ? node.mode : there.mode;
    return { mode, uid: there.uid, gid: there.gid, mtime: there.mtime, xattrs: there.xattrs };
  }
  const { uid, gid } = placement.owner ?? node;
  const isChanged = node.type !== "symlink" && source.archive === undefined;
  return { uid, gid, mode: isChanged ? changeMode(node, placement.mode) : node.mode };
}

/** `names` are those of the same source: as in BuildKit, what two sources have in common is not linked. */
function toEntry(
  path: string,
  node: TreeNode,
  changes: Changes,
  names: Map<string, string> | undefined,
): IndexEntry | undefined {
  const entry = bareEntryOf(path, node, changes);
  if (entry?.type !== "file") return entry;
  const target = firstName(path, node, names);
  const { mode, uid, gid, mtime, xattrs } = entry;
  return target === undefined ? entry : { type: "hardlink", path, mode, uid, gid, mtime, xattrs, target };
}

/** The path under which the same file was placed before, if it was. */
function firstName(path: string, node: TreeNode, names: Map<string, string> | undefined): string | undefined {
  if (node.links < 2 || node.identity === undefined) return undefined;
  const known = names?.get(node.identity);
  if (known === undefined) names?.set(node.identity, path);
  return known;
}

function changeMode(node: TreeNode, mode: FileMode | undefined): number {
  return mode === undefined ? node.mode : applyMode(mode, node.mode, node.type === "directory");
}
