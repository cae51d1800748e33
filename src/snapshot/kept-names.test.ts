import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { readKeptName, writeKeptName } from "./kept-names.ts";

const syscalls = loadSyscalls();
const JOE = { uid: 1000, gid: 1000, mode: 0o777 };
let directory = "";

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "names-")), "d");
  mkdirSync(directory);
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

test("names are kept, replaced and forgotten, whatever they are called", () => {
  const names = ["a", "__proto__", "constructor", "\xe9", '"{'];
  for (const [at, name] of names.entries()) writeKeptName(directory, name, { ...JOE, uid: at + 1 }, syscalls);
  expect(names.map((name) => readKeptName(directory, name, syscalls)?.uid)).toEqual([1, 2, 3, 4, 5]);
  writeKeptName(directory, "a", { ...JOE, uid: 0, gid: 0 }, syscalls);
  writeKeptName(directory, "constructor", undefined, syscalls);
  expect(names.map((name) => readKeptName(directory, name, syscalls)?.uid)).toEqual([undefined, 2, undefined, 4, 5]);
  for (const name of names) writeKeptName(directory, name, undefined, syscalls);
  expect(syscalls.llistxattr(directory)).toEqual([]);
  expect(readKeptName(directory, "toString", syscalls)).toBeUndefined();
});

test("hundreds of links of one directory have room", () => {
  const names = Array.from({ length: 350 }, (_, index) => `command-${(index * 7919).toString(36)}-tool`);
  for (const name of names) expect(writeKeptName(directory, name, JOE, syscalls)).toBe(true);
  expect(names.filter((name) => readKeptName(directory, name, syscalls)?.uid === 1000)).toEqual(names);
});

test("what finds no room is said, and the others stay", () => {
  writeKeptName(directory, "first", JOE, syscalls);
  const full: Syscalls = {
    ...syscalls,
    lsetxattr: () => {
      throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    },
  };
  expect(writeKeptName(directory, "second", JOE, full)).toBe(false);
  expect(readKeptName(directory, "first", syscalls)).toEqual(JOE);
  expect(readKeptName(directory, "second", syscalls)).toBeUndefined();
});

test("a record that would fill memory when it is unpacked is refused", () => {
  const bomb = Buffer.concat([Buffer.of(0), deflateRawSync(Buffer.alloc(2 * 1024 * 1024, " "))]);
  const calls: Syscalls = { ...syscalls, lgetxattr: () => bomb };
  expect(() => readKeptName(directory, "a", calls)).toThrow(expect.objectContaining({ code: "ERR_BUFFER_TOO_LARGE" }));
});
