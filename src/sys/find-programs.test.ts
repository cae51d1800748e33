import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findPrograms } from "./find-programs.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "programs-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a program is found by its names' order, then by the path's", () => {
  for (const name of ["qemu-x", "qemu-x-static"]) {
    writeFileSync(join(directory, name), "");
    chmodSync(join(directory, name), 0o755);
  }
  writeFileSync(join(directory, "not-executable"), "");
  symlinkSync("nowhere", join(directory, "dangling"));
  const found = findPrograms(["qemu-x-static", "qemu-x", "not-executable", "dangling"], `relative:${directory}`);
  expect(found).toEqual([join(directory, "qemu-x-static"), join(directory, "qemu-x")]);
});
