import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { DirectoryTree } from "./dir-tree.ts";
import { exportTree } from "./export-tree.ts";
import { treeOf } from "./testing/tree-of.ts";

const options = {
  syscalls: loadSyscalls(),
  temporary: join(tmpdir(), `export-tree-undo-${process.pid}`),
  signal: new AbortController().signal,
};
const TREE = treeOf({ "a/b": "new", "kept/old": "new", z: "file" });

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "export-tree-"))));
afterEach(() => rmSync(directory, { recursive: true }));

test("a failed export takes back what it made, and leaves the rest as it was", async () => {
  mkdirSync(join(directory, "z"));
  mkdirSync(join(directory, "kept"));
  writeFileSync(join(directory, "kept/own"), "mine");
  chmodSync(join(directory, "kept"), 0o751);
  await expect(exportTree(TREE, directory, options)).rejects.toMatchObject({ code: "EXPORT_CONFLICT" });
  expect(existsSync(join(directory, "a"))).toBe(false);
  expect(existsSync(join(directory, "kept/old"))).toBe(false);
  expect(readFileSync(join(directory, "kept/own"), "utf8")).toBe("mine");
  expect(statSync(join(directory, "kept")).mode & 0o777).toBe(0o751);
});

test("what was exported can be taken back with the directories made for it, but for what others put there", async () => {
  const undo = await exportTree(TREE, join(directory, "new/out"), options);
  expect(readFileSync(join(directory, "new/out/a/b"), "utf8")).toBe("new");
  writeFileSync(join(directory, "new/other"), "");
  undo.undo();
  expect(existsSync(join(directory, "new/out"))).toBe(false);
  expect(existsSync(join(directory, "new/other"))).toBe(true);
});

test("names of one file stay that", async () => {
  const source = join(directory, "source");
  mkdirSync(join(source, "d"), { recursive: true });
  writeFileSync(join(source, "a"), "same", { mode: 0o640 });
  linkSync(join(source, "a"), join(source, "d/b"));
  const to = join(directory, "to");
  mkdirSync(to);
  writeFileSync(join(to, "a"), "replaced");
  const undo = await exportTree(new DirectoryTree(source), to, options);
  expect(statSync(join(to, "a")).ino).toBe(statSync(join(to, "d/b")).ino);
  expect(readFileSync(join(to, "d/b"), "utf8")).toBe("same");
  undo.undo();
  expect(existsSync(join(to, "d"))).toBe(false);
});

test("what takes the place of another file or link stays when the rest is taken back: that one is gone", async () => {
  mkdirSync(join(directory, "kept"));
  writeFileSync(join(directory, "kept/old"), "old");
  symlinkSync("/etc", join(directory, "a"));
  const undo = await exportTree(TREE, directory, options);
  expect(readdirSync(join(directory, "a"))).toEqual(["b"]);
  undo.undo();
  expect(readFileSync(join(directory, "kept/old"), "utf8")).toBe("new");
  expect(existsSync(join(directory, "z"))).toBe(false);
});

test("many files are taken back too", async () => {
  const names = Array.from({ length: 4000 }, (_, i) => `d${i % 7}/${"a-name-of-some-length-".repeat(3)}${i}`);
  const tree = treeOf(Object.fromEntries(names.map((name) => [name, ""])));
  const undo = await exportTree(tree, join(directory, "out"), options);
  undo.undo();
  expect(readdirSync(directory)).toEqual([]);
});

test("a place where nothing can be made is an output's error", async () => {
  await expect(exportTree(TREE, "/proc/manyarch/out", options)).rejects.toMatchObject({
    code: "OUTPUT_UNWRITABLE",
    message: expect.stringContaining("/proc/manyarch"),
    hint: expect.any(String),
  });
});
