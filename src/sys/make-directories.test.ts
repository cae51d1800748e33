import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeDirectories } from "./make-directories.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dirs-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("makes all that are missing, with the mode, and leaves what is there", () => {
  makeDirectories(join(directory, "a/b/c"), 0o700);
  makeDirectories(join(directory, "a/b/c"), 0o755);
  expect(statSync(join(directory, "a/b")).mode & 0o777).toBe(0o700);
  symlinkSync("a", join(directory, "link"));
  makeDirectories(join(directory, "link/d"));
  expect(statSync(join(directory, "a/d")).isDirectory()).toBe(true);
});

test("a file in the way, and a place where nothing can be made, are errors and no wait", () => {
  writeFileSync(join(directory, "file"), "");
  expect(() => makeDirectories(join(directory, "file"))).toThrow("EEXIST");
  expect(() => makeDirectories(join(directory, "file/x"))).toThrow(/ENOTDIR|EEXIST/);
  expect(() => makeDirectories("/proc/x/y")).toThrow("ENOENT");
});
