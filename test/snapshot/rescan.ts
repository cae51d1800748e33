import { lstatSync } from "node:fs";
import { hash } from "node:crypto";
import type { Entry } from "../../src/layer/entry.ts";
import { DirectoryTree } from "../../src/snapshot/dir-tree.ts";
import { parentOf } from "../../src/snapshot/resolve-path.ts";
import { readAll } from "../../src/snapshot/testing/dump.ts";
import { walk } from "../../src/snapshot/walk.ts";
import { loadSyscalls } from "../../src/sys/load-syscalls.ts";

const syscalls = loadSyscalls();

interface State {
  readonly type: string;
  /** Everything that a layer says of it but its other names. */
  readonly text: string;
  readonly inode: bigint;
  readonly links: bigint;
}

export type Scan = ReadonlyMap<string, State>;

/** Reads all of a tree, bytes and all. Times after `start` are one: they differ from run to run. */
export function scan(root: string, start: bigint): Scan {
  const tree = new DirectoryTree(root, { syscalls });
  const states = new Map<string, State>();
  for (const { path, node } of walk(tree, "")) {
    const { type, mode, uid, gid, mtime, xattrs, target = "", major = 0, minor = 0 } = node;
    const bytes = type === "file" ? hash("sha256", readAll(tree.open(path))) : "";
    const stats = lstatSync(`${root}/${path}`, { bigint: true });
    states.set(path, {
      type,
      text: line({ type, mode, uid, gid, mtime, xattrs }, `${target || bytes || `${major}:${minor}`}`, start),
      inode: stats.ino,
      links: type === "directory" ? 1n : stats.nlink,
    });
  }
  return states;
}

/** The layer that leads from one state to the other, found without any look at change times. */
export function rescan(before: Scan, after: Scan): string[] {
  const changed = new Set([...after].filter(([path, now]) => isChanged(before.get(path), now)).map(([path]) => path));
  const files = Map.groupBy(
    [...after].filter(([, now]) => now.links > 1n),
    ([, now]) => now.inode,
  );
  for (const names of files.values()) {
    const origins = new Set(names.map(([path]) => before.get(path)?.inode));
    if (names.some(([path]) => changed.has(path)) || origins.size > 1) for (const [path] of names) changed.add(path);
  }
  const gone = [...before.keys()].filter((path) => !after.has(path) && isDirectory(after, parentOf(path)));
  const first = (path: string): string => {
    const now = after.get(path)!;
    const names = now.type === "file" ? (files.get(now.inode) ?? []).map(([name]) => name).sort() : [];
    return names.length > 1 && names[0] !== path ? `hardlink ${names[0]}` : now.text;
  };
  return [...gone.map((path) => `${path} whiteout`), ...[...changed].map((path) => `${path} ${first(path)}`)].sort();
}

/** Entries in the same words. */
export function entryLines(entries: Iterable<Entry>, start: bigint): string[] {
  return [...entries]
    .filter(({ path }) => path !== "")
    .map((entry) => `${entry.path} ${detailOf(entry, start)}`)
    .sort();
}

function detailOf(entry: Entry, start: bigint): string {
  switch (entry.type) {
    case "whiteout":
    case "opaque":
      return entry.type;
    case "hardlink":
      return `hardlink ${entry.target}`;
    case "file":
      return line(entry, hash("sha256", readAll(entry.content)), start);
    case "symlink":
      return line(entry, entry.target, start);
    case "char":
    case "block":
      return line(entry, `${entry.major}:${entry.minor}`, start);
    case "directory":
    case "fifo":
      return line(entry, "0:0", start);
  }
}

type Described = Pick<Extract<Entry, { type: "directory" }>, "mode" | "uid" | "gid" | "mtime" | "xattrs"> & {
  readonly type: string;
};

function line({ type, mode, uid, gid, mtime, xattrs }: Described, detail: string, start: bigint): string {
  const values = [...(xattrs ?? [])].map(([name, value]) => ` ${name}=${Buffer.from(value).toString("hex")}`).join("");
  return `${type} ${mode.toString(8)} ${uid}:${gid} @${mtime < start ? mtime : "now"}${values} ${detail}`;
}

function isChanged(was: State | undefined, now: State): boolean {
  if (was === undefined || was.text !== now.text) return true;
  return now.type !== "directory" && was.inode !== now.inode && was.links > 1n;
}

function isDirectory(states: Scan, path: string): boolean {
  return path === "" || states.get(path)?.type === "directory";
}
