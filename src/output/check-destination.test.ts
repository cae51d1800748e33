import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checkDirectory, checkFile } from "./check-destination.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "check-destination-"));
  writeFileSync(join(directory, "file"), "");
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (path: string): string => join(directory, path);

test("a file needs its directory, a directory makes it; nothing is made by asking", () => {
  expect(() => checkFile(at("no/such/x.tar"))).toThrow(
    expect.objectContaining({ code: "OUTPUT_UNWRITABLE", hint: `make it: mkdir -p ${at("no/such")}` }),
  );
  for (const path of ["x.tar", "file"]) checkFile(at(path));
  checkDirectory(at("no/such"));
  expect(readdirSync(directory)).toEqual(["file"]);
});

test("what is in the way is found", () => {
  const unwritable = expect.objectContaining({ code: "OUTPUT_UNWRITABLE" });
  expect(() => checkFile(directory)).toThrow(unwritable);
  expect(() => checkFile(at("file/x.tar"))).toThrow(unwritable);
  expect(() => checkDirectory(at("file"))).toThrow(unwritable);
  expect(() => checkDirectory(at("file/x"))).toThrow(unwritable);
});

test("standard output and devices are fine", () => {
  for (const path of ["-", "/dev/null"]) checkFile(path);
});
