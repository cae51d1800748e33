import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  appendFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeTree } from "../sys/remove-tree.ts";
import { listEntries, readAll } from "./testing/dump.ts";
import { contentDigest } from "./content-digest.ts";
import { copyEntries } from "./copy.ts";
import { DirectoryTree } from "./dir-tree.ts";
import { emptyTree } from "./empty-tree.ts";
import { selectSources } from "./select.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tree-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const CONTEXT = { owner: { uid: 0, gid: 0 }, emptySockets: true };

test("a path below a link or a file is absent", () => {
  mkdirSync(join(root, "d"));
  writeFileSync(join(root, "d/f"), "x");
  symlinkSync("d", join(root, "l"));
  symlinkSync("/etc", join(root, "etc"));
  const tree = new DirectoryTree(root, CONTEXT);
  expect(tree.lstat("d/f")).toMatchObject({ type: "file", uid: 0, size: 1, links: 1 });
  expect(tree.lstat("l")).toMatchObject({ type: "symlink", target: "d" });
  expect([tree.lstat("l/f"), tree.lstat("etc/passwd"), tree.lstat("d/f/x"), tree.lstat("nothing/x")]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect([tree.readdir("l"), tree.readdir("d/f"), tree.readdir("nothing"), tree.readdir("")]).toEqual([
    [],
    [],
    [],
    ["d", "etc", "l"],
  ]);
  expect(() => readAll(tree.open("etc/passwd"))).toThrow(expect.objectContaining({ code: "FILE_UNREADABLE" }));
});

test("a root that is a link is followed; names need not be UTF-8, nor short", () => {
  mkdirSync(join(root, "real"));
  writeFileSync(Buffer.from(`${join(root, "real")}/\xff\xe9`, "latin1"), "x");
  symlinkSync("real", join(root, "l"));
  const tree = new DirectoryTree(join(root, "l"));
  expect(tree.readdir("")).toEqual(["\xff\xe9"]);
  expect(readAll(tree.open("\xff\xe9")).toString()).toBe("x");
  expect(tree.lstat("x".repeat(300))).toBeUndefined();
});

test("COPY of a context: nothing but regular files is opened, sockets are empty, links of one file stay together", async () => {
  execFileSync("mkfifo", [join(root, "fifo")]);
  writeFileSync(join(root, "a"), "x");
  linkSync(join(root, "a"), join(root, "b"));
  const server = createServer().listen(join(root, "sock"));
  await new Promise((resolve) => server.once("listening", resolve));
  const tree = new DirectoryTree(root, CONTEXT);
  const expected = contentDigest(tree, selectSources(tree, ["."]));
  const options = {
    source: tree,
    paths: ["."],
    base: emptyTree,
    destination: "/",
    intoDirectory: true,
    expect: expected,
  };
  expect(listEntries(copyEntries(options)).map((line) => line.replace(/ [0-7]+ 0:0/, ""))).toEqual([
    'a file "x"',
    "b hardlink -> a",
    "fifo fifo",
    'sock file ""',
  ]);
  server.close();
});

test("a file that changes while it is read is an error, not a mixture", () => {
  const path = join(root, "f");
  writeFileSync(path, Buffer.alloc(3 << 20));
  const tree = new DirectoryTree(root);
  const grown = tree.open("f");
  expect(grown.next()).toBeDefined();
  appendFileSync(path, "more");
  expect(() => readAll(grown)).toThrow(expect.objectContaining({ code: "FILE_CHANGED", retryable: true }));
  const touched = tree.open("f");
  expect(touched.next()).toBeDefined();
  utimesSync(path, 1, 1);
  expect(() => readAll(touched)).toThrow(expect.objectContaining({ code: "FILE_CHANGED" }));
  // Replaced between lstat and open by something that would wait for ever.
  rmSync(path);
  execFileSync("mkfifo", [path]);
  expect(() => readAll(tree.open("f"))).toThrow(expect.objectContaining({ code: "FILE_CHANGED" }));
});

test("two contents read in turn keep their bytes apart", () => {
  writeFileSync(join(root, "a"), "a".repeat(2_000_000));
  writeFileSync(join(root, "b"), "b".repeat(2_000_000));
  const tree = new DirectoryTree(root);
  const [a, b] = [tree.open("a"), tree.open("b")];
  const first = a.next() as Uint8Array;
  b.next();
  expect(Buffer.from(first).every((byte) => byte === 0x61)).toBe(true);
  a.close();
  b.close();
});

test("what lies too deep to be asked for is told, and not left out", () => {
  const name = "n".repeat(250);
  const tree = new DirectoryTree(root);
  const script = `for i in $(seq 14); do mkdir ${name} && cd ${name} || exit 1; done; mkdir -p ${name}/${name}/${name}`;
  execFileSync("sh", ["-c", script], { cwd: root });
  const deep = Array.from({ length: 17 }, () => name).join("/");
  expect(() => tree.lstat(deep)).toThrow(
    /^a file is too deep to be read: expected a path of at most 4095 bytes, found 4\d+: ".*\.\.\."$/,
  );
  expect(tree.lstat("m".repeat(300))).toBeUndefined();
  removeTree(`${root}/${name}`);
});
