import { execFileSync } from "node:child_process";
import { lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runSteps } from "../base/steps.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { DiskNode } from "./disk-node.ts";
import { isSameNode } from "./same-node.ts";

const syscalls = loadSyscalls();
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "same-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function nodes(script: string): readonly DiskNode[] {
  execFileSync("sh", ["-ec", script], { cwd: directory });
  return ["a", "b"].map((name) => {
    const path = join(directory, name);
    return new DiskNode(path, lstatSync(path, { bigint: true }), { syscalls });
  });
}

test.each([
  ["the same bytes, over many reads", "head -c 1000000 /dev/zero > a; cp a b", true],
  [
    "another last byte",
    "head -c 1000000 /dev/zero > a; cp a b; printf x | dd of=b bs=1 seek=999999 conv=notrunc 2>&1",
    false,
  ],
  ["another mode", "echo a > a; cp a b; chmod 600 b; chmod 644 a", false],
  ["another size", "echo a > a; echo ab > b", false],
  ["another type", "echo a > a; mkdir b", false],
  ["the same text of a link", "ln -s x a; ln -s x b", true],
  ["another text of a link", "ln -s x a; ln -s y b", false],
])("%s", (_, script, same) => {
  const [a, b] = nodes(`${script}; touch -hd @1 a b`);
  expect(runSteps(isSameNode(a!, b!))).toBe(same);
});

test("another time", () => {
  const [a, b] = nodes("echo a > a; echo a > b; touch -d @1 a; touch -d @2 b");
  expect(runSteps(isSameNode(a!, b!))).toBe(false);
});

test.each(["ln -s a b", "mkfifo b"])("what took the place of a file (%s) is not read", (script) => {
  const [a, b] = nodes("echo a > a; echo a > b; touch -d @1 a b");
  execFileSync("sh", ["-ec", `rm b; ${script}`], { cwd: directory });
  expect(() => runSteps(isSameNode(a!, b!))).toThrow(expect.objectContaining({ code: "FILE_UNREADABLE" }));
});
