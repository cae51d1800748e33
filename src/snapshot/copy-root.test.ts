import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runSteps } from "../base/steps.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { RootDirectory } from "../sys/root-path.ts";
import { copyRoot } from "./copy-root.ts";
import { diffEntries } from "./diff.ts";
import { DiskNode } from "./disk-node.ts";
import { LayeredTree } from "./layered-tree.ts";
import { PlainWriter } from "./plain-writer.ts";
import { StatIndex } from "./stat-index.ts";
import { dump, listEntries } from "./testing/dump.ts";
import { findChanges } from "./tree-changes.ts";
import type { RootMaker, WritableRoot } from "./writable-root.ts";

const syscalls = loadSyscalls();
const { signal } = new AbortController();
let directory = "";
let count = 0;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "copy-root-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function sh(at: string, script: string): void {
  execFileSync("sh", ["-ec", script], { cwd: at });
}

function base(script: string): string {
  const path = join(directory, `base-${count++}`);
  mkdirSync(path);
  sh(path, script);
  return path;
}

function maker(): RootMaker {
  return copyRoot({ place: join(directory, `copies-${count++}`), syscalls });
}

interface Opened {
  readonly root: WritableRoot;
  readonly upper: string;
}

async function open(roots: RootMaker, lower: readonly string[]): Promise<Opened> {
  const space = join(directory, `space-${count++}`);
  mkdirSync(space);
  const upper = `${space}/fs`;
  return { root: await roots.open({ lower, upper, space }, signal), upper };
}

async function changesOf(lower: readonly string[], { root, upper }: Opened): Promise<readonly string[]> {
  root.release();
  await root.collect(signal);
  await root.discard();
  return listEntries(diffEntries(upper, new LayeredTree(lower, syscalls), { syscalls }));
}

function attribute(name: string): (at: string) => void {
  return (at) => syscalls.lsetxattr(join(at, name), "user.k", Buffer.from("v"));
}

describe("a change that is told", () => {
  test.each<
    readonly [name: string, before: string, change: string | ((at: string) => void), entries: readonly string[]]
  >([
    ["nothing", "echo a > f; mkdir d", "", []],
    [
      "same size, time set back",
      "echo a > f",
      "touch -r f /tmp/$$; echo b > f; touch -r /tmp/$$ f; rm /tmp/$$",
      ['f file 644 0:0 "b\\n"'],
    ],
    ["a file of the same bytes", "echo a > f", "cp -p f g; mv g f", []],
    ["chown to its owner, chmod to its mode", "echo a > f", "chown 0:0 f; chmod 644 f", []],
    ["an attribute", "echo a > f", attribute("f"), ['f file 644 0:0 "a\\n"']],
    ["an attribute of a directory", "mkdir d", attribute("d"), ["d directory 755 0:0"]],
    ["a time", "echo a > f", "touch -d @5 f", ['f file 644 0:0 "a\\n"']],
    ["a directory that becomes a link", "mkdir d; echo a > d/f", "rm -r d; ln -s x d", ["d symlink 777 0:0 -> x"]],
    ["a link's text", "ln -s a l; touch -h -d @1 l", "rm l; ln -s b l; touch -h -d @1 l", ["l symlink 777 0:0 -> b"]],
    [
      "a file that becomes a directory",
      "echo a > d",
      "rm d; mkdir d; echo b > d/f",
      ["d directory 755 0:0", 'd/f file 644 0:0 "b\\n"'],
    ],
    [
      "a directory that moves",
      "mkdir d; echo a > d/f",
      "mv d e",
      ["d whiteout", "e directory 755 0:0", 'e/f file 644 0:0 "a\\n"'],
    ],
    [
      "a directory made again",
      "mkdir d; echo a > d/f; echo b > d/g",
      "rm -r d; mkdir d; echo a > d/h",
      ["d directory 755 0:0", "d/f whiteout", "d/g whiteout", 'd/h file 644 0:0 "a\\n"'],
    ],
    [
      "a new name",
      "echo a > f; ln f g",
      "ln f h",
      ['f file 644 0:0 "a\\n"', "g hardlink 644 0:0 -> f", "h hardlink 644 0:0 -> f"],
    ],
    ["a name that goes", "echo a > f; ln f g", "rm g", ["g whiteout"]],
    ["a write by one name", "echo a > f; ln f g", "echo b > f", ['f file 644 0:0 "b\\n"', "g hardlink 644 0:0 -> f"]],
    ["a name on its own", "echo a > f; ln f g", "cp -p g h; mv h g", ['g file 644 0:0 "a\\n"']],
    [
      "equal files that become one",
      "echo a > f; cp -p f g",
      "rm g; ln f g",
      ['f file 644 0:0 "a\\n"', "g hardlink 644 0:0 -> f"],
    ],
    ["an owner and special bits", "echo a > f", "chown 5:6 f; chmod 6755 f", ['f file 6755 5:6 "a\\n"']],
    ["special files", "mkfifo p", "rm p; mknod p b 1 3; mkfifo q", ["p block 644 0:0", "q fifo 644 0:0"]],
    ["a new directory with nothing in it", "mkdir d", "mkdir -p d/e", ["d directory 755 0:0", "d/e directory 755 0:0"]],
    ["a name with bytes", "true", "echo a > \"$(printf '\\351')\"", ['\xe9 file 644 0:0 "a\\n"']],
  ])("%s", async (_, before, change, entries) => {
    const lower = [base(`umask 022; ${before}; find . -depth -exec touch -h -d @1000 {} +`)];
    const opened = await open(maker(), lower);
    if (typeof change === "string") sh(opened.root.directory, `umask 022; ${change}`);
    else change(opened.root.directory);
    const shown = dump(new LayeredTree([opened.root.directory], syscalls)).slice(1);
    // The root's own time is in no layer.
    expect((await changesOf(lower, opened)).filter((line) => !line.startsWith(" directory"))).toEqual(entries);
    expect(dump(new LayeredTree([...lower, opened.upper], syscalls)).slice(1)).toEqual(shown);
  });
});

test("the next RUN of a chain goes on with the copy, and others get their own", async () => {
  const roots = maker();
  const lower = [base("echo a > f")];
  const first = await open(roots, lower);
  sh(first.root.directory, "echo b > g");
  expect(await changesOf(lower, first)).toEqual(['g file 644 0:0 "b\\n"']);
  // It is published: its directory moves.
  const published = join(directory, "published");
  renameSync(first.upper, published);
  const chain = [...lower, published];
  const other = await open(roots, [...lower, base("echo z > g")]);
  expect(other.root.directory).not.toBe(first.root.directory);
  const second = await open(roots, chain);
  const beside = await open(roots, chain);
  expect(second.root.directory).toBe(first.root.directory);
  expect(beside.root.directory).not.toBe(first.root.directory);
  sh(second.root.directory, "echo c > g");
  expect(await changesOf(chain, beside)).toEqual([]);
  expect(await changesOf(chain, second)).toEqual(['g file 644 0:0 "c\\n"']);
});

test("a copy is brought to the layers that came after it", async () => {
  const roots = maker();
  const lower = [base("mkdir d s; echo a > d/f; echo b > gone; ln -s x l; chgrp 50 s; chmod 2755 s")];
  const first = await open(roots, lower);
  sh(first.root.directory, "echo r > run");
  await changesOf(lower, first);
  const made = base(
    "mkdir s; echo s > s/new; mkdir s/in; chgrp 50 s; chmod 2755 s; mkdir d e; echo n > d/new; echo m > e/f; mkdir l; chmod 700 d",
  );
  syscalls.lsetxattr(join(made, "d"), "user.overlay.opaque", Buffer.from("y"));
  syscalls.mknod(join(made, "gone"), 0o020000);
  const chain = [...lower, first.upper, made];
  const next = await open(roots, chain);
  expect(next.root.directory).toBe(first.root.directory);
  expect(dump(new LayeredTree([next.root.directory], syscalls))).toEqual(dump(new LayeredTree(chain, syscalls)));
  expect(readdirSync(next.root.directory)).toEqual(["d", "e", "l", "run", "s"]);
  expect(readdirSync(join(next.root.directory, "d"))).toEqual(["new"]);
  sh(next.root.directory, "echo o >> e/f");
  expect(await changesOf(chain, next)).toEqual(['e/f file 644 0:0 "m\\no\\n"']);
});

test("an empty root is open to everybody", async () => {
  const { root } = await open(maker(), []);
  expect(lstatSync(root.directory).mode & 0o7777).toBe(0o755);
});

test("a copy whose RUN failed is not gone on with, and few are kept", async () => {
  const place = join(directory, "copies");
  const roots = copyRoot({ place, syscalls });
  const lower = [base("echo a > f")];
  const failed = await open(roots, lower);
  failed.root.release();
  await failed.root.discard();
  expect(existsSync(failed.root.directory)).toBe(false);
  for (let round = 0; round < 8; round++) await changesOf(lower, await open(roots, lower));
  expect(readdirSync(place).length).toBeLessThanOrEqual(4);
});

test("opening and collecting stop when they are told to", async () => {
  const place = join(directory, "copies");
  const roots = copyRoot({ place, syscalls });
  const lower = [base("seq 1000 | while read n; do echo $n > $n; done")];
  const stop = new AbortController();
  const opening = roots.open({ lower, upper: join(directory, "u"), space: directory }, stop.signal);
  stop.abort(new Error("stop"));
  await expect(opening).rejects.toThrow("stop");
  expect(readdirSync(place)).toEqual([]);
});

test("a file whose change cannot be told by its times is read", () => {
  const lower = base("echo a > f; echo b > g");
  const other = base("echo a > f; echo x > g");
  const root = RootDirectory.open(other, { links: "refuse" });
  try {
    for (const name of ["f", "g"]) sh(directory, `touch -r ${lower}/${name} ${other}/${name}`);
    const index = runSteps(StatIndex.read(root, syscalls));
    const tree = new LayeredTree([lower], syscalls);
    const put = (unclear: bigint): readonly string[] =>
      runSteps(findChanges(root, { index, unclear }, tree, syscalls)).put;
    expect(put(0n)).toEqual(["g"]);
    expect(put(index.latest + 1n)).toEqual([]);
  } finally {
    root.close();
  }
});

test("a file that turns into a link while it is collected is not followed", () => {
  const at = base("echo a > f; echo secret > s");
  const node = new DiskNode(join(at, "f"), lstatSync(join(at, "f"), { bigint: true }), { syscalls });
  unlinkSync(join(at, "f"));
  symlinkSync("s", join(at, "f"));
  const target = RootDirectory.open(base("true"), { links: "refuse" });
  try {
    const writer = new PlainWriter(target, { syscalls, notice: () => {} }, { isStill: false });
    expect(() => writer.put("f", node)).toThrow(expect.objectContaining({ code: "FILE_CHANGED" }));
    unlinkSync(join(at, "f"));
    writeFileSync(join(at, "f"), "other");
    expect(() => writer.put("f", node)).toThrow(expect.objectContaining({ code: "FILE_CHANGED" }));
  } finally {
    target.close();
  }
});
