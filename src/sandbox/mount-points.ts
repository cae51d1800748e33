import { closeSync, lchownSync, mkdirSync, openSync, rmdirSync, symlinkSync, unlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import { parentOf } from "../snapshot/resolve-path.ts";
import type { WritableRoot } from "../snapshot/writable-root.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/**
 * What must be there for a RUN to be mounted over, parents first. Made by us, and never by the runtime,
 * which follows an image's links: runc 1.1.5 did so to directories of the machine (CVE-2026-41579).
 */
const MOUNT_POINTS: readonly MountPoint[] = [
  { path: "dev", type: "directory" },
  { path: "proc", type: "directory" },
  { path: "sys", type: "directory" },
  { path: "etc", type: "directory" },
  { path: "etc/hosts", type: "file" },
  { path: "etc/resolv.conf", type: "file" },
];

export interface MountPoint {
  /** Clean, relative to the root, with no link on the way. */
  readonly path: string;
  readonly type: "directory" | "file";
}

/** What was made for mounting, to be removed again by {@link removeMountPoints}. */
export interface MadeMountPoints {
  readonly made: readonly MadeMountPoint[];
  /** Directories that were there, as they were: overlay copies them up when something is made in them. */
  readonly parents: ReadonlyMap<string, BigIntStats>;
}

interface MadeMountPoint {
  readonly point: MountPoint;
  readonly inode: bigint;
  /** The link it took the place of, where changes are made in place. */
  readonly link?: HiddenLink | undefined;
}

interface HiddenLink {
  readonly text: BytesPath;
  readonly stats: BigIntStats;
}

type Root = Pick<WritableRoot, "directory" | "changes">;

/**
 * Makes every mount point in `root` a real directory or file, as moby's init layer does: a link in its
 * place is hidden for as long as the RUN lasts. The parents' times stay. Throws `SANDBOX_MOUNT_POINT`
 * where something else is in its place.
 */
export function makeMountPoints(
  { directory, changes }: Root,
  syscalls: Syscalls,
  points: readonly MountPoint[] = MOUNT_POINTS,
): MadeMountPoints {
  const inPlace = directory === changes;
  const merged = RootDirectory.open(directory, { links: "refuse" });
  const below = RootDirectory.open(changes, { links: "refuse" });
  try {
    const parents = new Map<string, BigIntStats>();
    const made: MadeMountPoint[] = [];
    for (const point of points) {
      if (isThere(merged, point)) continue;
      const isOurs = (path: string): boolean => made.some((other) => other.point.path === path);
      for (let path = parentOf(point.path); path !== "" && !isOurs(path); path = parentOf(path)) {
        const found = merged.lstat(path);
        if (!inPlace && found?.isDirectory() === true && !parents.has(path)) parents.set(path, found);
      }
      const link = inPlace ? readLink(merged, point) : undefined;
      keepingTime(merged, parentOf(point.path), syscalls, () => replace(merged, point, inPlace));
      merged.forget();
      below.forget();
      made.push({ point, inode: below.lstat(point.path)?.ino ?? 0n, link });
    }
    return { made, parents };
  } finally {
    merged.close();
    below.close();
  }
}

/**
 * Takes what {@link makeMountPoints} made out of the changes of a root that was released, so that what
 * it hid is seen again and a layer holds what the RUN wrote and nothing else. What the RUN has replaced or
 * filled is the RUN's and stays.
 */
export function removeMountPoints({ changes }: Root, { made, parents }: MadeMountPoints, syscalls: Syscalls): void {
  if (made.length === 0) return;
  const root = RootDirectory.open(changes, { links: "refuse" });
  try {
    for (const { point, inode, link } of made.toReversed()) {
      const found = root.lstat(point.path);
      if (found === undefined || found.ino !== inode) continue;
      keepingTime(root, parentOf(point.path), syscalls, () => {
        if (removeEmpty(root, point, found) && link !== undefined) restore(root, point, link, syscalls);
      });
      root.forget();
    }
    const deepestFirst = [...parents].toSorted(([a], [b]) => b.split("/").length - a.split("/").length);
    for (const [path, before] of deepestFirst) dropUnchanged(root, path, before, syscalls);
  } finally {
    root.close();
  }
}

function isThere(root: RootDirectory, { path, type }: MountPoint): boolean {
  const found = root.lstat(path);
  return type === "directory" ? found?.isDirectory() === true : found?.isFile() === true;
}

function readLink(root: RootDirectory, { path }: MountPoint): HiddenLink | undefined {
  const text = root.readlink(path);
  const stats = root.lstat(path);
  return text === undefined || stats === undefined ? undefined : { text, stats };
}

/** In place only a link can be put back as it was. */
function replace(root: RootDirectory, { path, type }: MountPoint, inPlace: boolean): void {
  const found = root.lstat(path);
  if (found?.isDirectory() === true || (inPlace && found?.isSymbolicLink() === false)) {
    const kind = found.isDirectory() ? "directory" : "special file";
    throw new AppError(
      "SANDBOX_MOUNT_POINT",
      `/${path} of the image is a ${kind}: expected a ${type}, over which the machine's is mounted`,
      {
        hint: `Remove /${path} from the image before RUN is used.`,
      },
    );
  }
  if (found !== undefined) unlinkSync(root.at(path));
  if (type === "directory") mkdirSync(root.at(path), 0o755);
  else closeSync(openSync(root.at(path), "wx", 0o644));
}

function restore(root: RootDirectory, { path }: MountPoint, { text, stats }: HiddenLink, syscalls: Syscalls): void {
  symlinkSync(fsPath(text), root.at(path));
  lchownSync(root.at(path), Number(stats.uid), Number(stats.gid));
  syscalls.utimens(root.at(path).toString("latin1"), stats.mtimeNs);
}

function removeEmpty(root: RootDirectory, { path, type }: MountPoint, found: BigIntStats): boolean {
  if (type !== "file") return removeIfEmpty(root, path);
  if (!found.isFile() || found.size !== 0n) return false;
  unlinkSync(root.at(path));
  return true;
}

function removeIfEmpty(root: RootDirectory, path: string): boolean {
  try {
    rmdirSync(root.at(path));
    return true;
  } catch (error) {
    if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
    return false;
  }
}

/** A directory that overlay copied up for us alone; in a layer it would say that it changed. */
function dropUnchanged(root: RootDirectory, path: string, before: BigIntStats, syscalls: Syscalls): void {
  const now = root.lstat(path);
  if (now === undefined || !now.isDirectory()) return;
  const same =
    now.mode === before.mode && now.uid === before.uid && now.gid === before.gid && now.mtimeNs === before.mtimeNs;
  if (same) keepingTime(root, parentOf(path), syscalls, () => removeIfEmpty(root, path));
}

function keepingTime(root: RootDirectory, directory: string, syscalls: Syscalls, body: () => void): void {
  const before = root.lstat(directory);
  body();
  root.forget();
  if (before !== undefined) syscalls.utimens(root.directory(directory).toString("latin1"), before.mtimeNs, true);
}
