import type { RootDirectory } from "../sys/root-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { DiskNode } from "./disk-node.ts";
import { isSameNode } from "./same-node.ts";
import { StatIndex } from "./stat-index.ts";
import type { Before, Seen } from "./stat-index.ts";
import type { Tree } from "./tree.ts";

export interface TreeChanges {
  /** What is new, or not what it was: parents before their children. */
  readonly put: readonly string[];
  /** What was there and is not, without what was in it. */
  readonly gone: readonly string[];
  /** The state that was found. */
  readonly index: StatIndex;
}

/** The names that one file has now. */
interface Names {
  readonly paths: string[];
  /** The file that all of them named before; undefined where they did not. */
  was: bigint | undefined;
  changed: boolean;
}

/**
 * What became of a tree since `before` was read, when it was as `lower` shows. What looks the same to
 * lstat(2) is (see {@link StatIndex}); what does not is compared with `lower`, bytes and all, so that a file
 * which was only touched by a `chown` to its own owner is in no layer. Names of one file go together: where
 * one of them is new, or the file has changed, all of them do. Yields as it goes.
 */
export function* findChanges(
  root: RootDirectory,
  before: Before,
  lower: Tree,
  syscalls: Syscalls,
): Generator<void, TreeChanges> {
  const put: string[] = [];
  const gone: string[] = [];
  const files = new Map<bigint, Names>();
  const reading = StatIndex.read(root, syscalls, before);
  let step = reading.next();
  for (; step.done !== true; step = reading.next()) {
    yield;
    const found = step.value;
    if (found.kind === "gone") gone.push(found.path);
    if (found.kind !== "seen") continue;
    const { path, stats, same } = found;
    const changed = !same && (yield* isChanged(found, lower, syscalls));
    if (stats.nlink > 1n && !stats.isDirectory()) addName(files, found, changed);
    else if (changed) put.push(path);
  }
  for (const { paths, was, changed } of files.values()) if (changed || was === undefined) put.push(...paths);
  return { put: put.sort(), gone, index: step.value };
}

function* isChanged({ path, stats, place, was }: Seen, lower: Tree, syscalls: Syscalls): Generator<void, boolean> {
  const below = was === undefined ? undefined : lower.lstat(path);
  if (was === undefined || !(below instanceof DiskNode)) return true;
  // It was a name of a file that others may still name: now it is on its own.
  if (!stats.isDirectory() && was.links > 1 && was.inode !== stats.ino) return true;
  return !(yield* isSameNode(new DiskNode(place, stats, { syscalls }), below));
}

function addName(files: Map<bigint, Names>, { path, stats, was }: Seen, changed: boolean): void {
  const names = files.get(stats.ino);
  if (names === undefined) {
    files.set(stats.ino, { paths: [path], was: was?.inode, changed });
    return;
  }
  names.paths.push(path);
  names.changed ||= changed;
  if (names.was !== was?.inode) names.was = undefined;
}
