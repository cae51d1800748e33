import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  constants,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { errnoOf } from "../../src/base/errors.ts";
import { loadSyscalls } from "../../src/sys/load-syscalls.ts";

const syscalls = loadSyscalls();

/** Changes a tree in some way; throws a system error where that is not possible. */
export interface Change {
  readonly name: string;
  readonly run: (root: string) => void;
}

/** What running changes met that a mount does otherwise than a plain directory. */
export interface Met {
  readonly links: boolean;
  readonly copies: boolean;
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NONBLOCK, O_NOFOLLOW } = constants;

const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const text = fc.constantFrom("x", "y", "zz", "");
const seconds = fc.constantFrom(1, 1_000_000_000, 1_700_000_000.5);

let copies = false;

/** Every way to change a file that a layer can tell of, and those that it cannot. */
const change: fc.Arbitrary<Change> = fc.oneof(
  one("mkdir", [path], (at) => mkdirSync(at, { recursive: true })),
  one("mkdir", [path], (at) => mkdirSync(at, { recursive: true })),
  one("write", [path, text], (at, content) => write(at, content, O_TRUNC)),
  one("write", [path, text], (at, content) => write(at, content, O_TRUNC)),
  one("append", [path, text], (at, content) => write(at, content, O_APPEND)),
  one("edit unseen", [path], (at) => editUnseen(at)),
  one("remove", [path], (at) => rmSync(at, { recursive: true })),
  one("make again", [path], (at) => makeAgain(at)),
  pair("move", [path, path], (from, to) => move(from, to)),
  pair("swap", [path, path], (from, to) => swap(from, to)),
  pair("link", [path, path], (from, to) => linkSync(from, to)),
  pair("replace by link", [path, path], (from, to) => {
    lstatSync(from);
    rmSync(to, { recursive: true, force: true });
    symlinkSync("a/b", to);
  }),
  one("symlink", [path, fc.constantFrom("a", "b/c", "nowhere")], (at, target) => symlinkSync(target, at)),
  one("file to directory", [path], (at) => {
    unlinkSync(at);
    mkdirSync(at);
  }),
  one("chmod", [path, fc.constantFrom(0o700, 0o4755, 0o2750, 0o644)], (at, mode) => {
    if (lstatSync(at).isSymbolicLink()) return;
    chmodSync(at, mode);
  }),
  one("chown", [path, fc.constantFrom(0, 1, 70000)], (at, id) => lchownSync(at, id, id)),
  one("touch", [path, seconds], (at, time) => lutimesSync(at, time, time)),
  one("give to its owner", [path], (at) => lchownSync(at, lstatSync(at).uid, lstatSync(at).gid)),
  one("fifo", [path], (at) => syscalls.mknod(at, 0o010644)),
  one("device", [path, fc.constantFrom(3, 5)], (at, minor) => syscalls.mknod(at, 0o020644, 1, minor)),
  one("attribute", [path, fc.constantFrom("1", "2")], (at, value) =>
    syscalls.lsetxattr(at, "user.one", Buffer.from(value)),
  ),
  one("no attribute", [path], (at) => syscalls.lremovexattr(at, "user.one")),
);

export const changes: fc.Arbitrary<readonly Change[]> = fc.array(change, { minLength: 1, maxLength: 10 });

/** Runs what can be run. */
export function runChanges(root: string, all: readonly Change[]): Met {
  copies = false;
  let links = false;
  for (const { name, run } of all) {
    try {
      run(root);
      links ||= name === "link";
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
    }
  }
  return { links, copies };
}

function one<T>(
  name: string,
  [at, other]: readonly [fc.Arbitrary<string>, fc.Arbitrary<T>?],
  run: (path: string, value: T) => void,
): fc.Arbitrary<Change> {
  return fc
    .tuple(at, (other ?? fc.constant(undefined)) as fc.Arbitrary<T>)
    .map(([where, value]) => describe(name, [where, String(value)], (root) => run(join(root, where), value)));
}

function pair(
  name: string,
  [from, to]: readonly [fc.Arbitrary<string>, fc.Arbitrary<string>],
  run: (from: string, to: string) => void,
): fc.Arbitrary<Change> {
  return fc.tuple(from, to).map(([a, b]) => describe(name, [a, b], (root) => run(join(root, a), join(root, b))));
}

function describe(name: string, details: readonly string[], run: (root: string) => void): Change {
  return { name, run, toString: () => `${name} ${details.join(" ")}` } as Change;
}

/** A fifo answers, and does not wait for a reader. */
function write(at: string, content: string, how: number): void {
  const fd = openSync(at, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOFOLLOW | how, 0o644);
  try {
    writeSync(fd, content);
  } finally {
    closeSync(fd);
  }
}

/** Size and time of modification stay. */
function editUnseen(at: string): void {
  const { mtimeNs, size } = lstatSync(at, { bigint: true });
  if (!lstatSync(at).isFile()) return;
  write(at, "e".repeat(Number(size)), O_TRUNC);
  syscalls.utimens(at, mtimeNs);
}

/** As package managers do: the same file, with another inode. */
function makeAgain(at: string): void {
  const stats = lstatSync(at);
  if (!stats.isFile()) return;
  execFileSync("cp", ["-a", "--reflink=never", at, `${at}.new`]);
  renameSync(`${at}.new`, at);
}

/** An overlay does not rename directories of lower layers, and mv copies them. */
function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== "EXDEV") throw error;
    copies = true;
    try {
      if (readdirSync(to).length > 0) throw Object.assign(new Error("not empty"), { code: "ENOTEMPTY" });
      rmdirSync(to);
    } catch (failure) {
      if (errnoOf(failure) !== "ENOENT") throw failure;
    }
    execFileSync("mv", ["-T", from, to], { stdio: "ignore" });
  }
}

function swap(one: string, other: string): void {
  if (lstatSync(one).isDirectory() || lstatSync(other).isDirectory()) return;
  renameSync(one, `${one}.tmp`);
  renameSync(other, one);
  renameSync(`${one}.tmp`, other);
}
