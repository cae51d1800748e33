import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { guardArgv, plainGuardArgv } from "./guard-script.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "manyarch-guard[*]-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const isRoot = process.getuid?.() === 0;

test.each([
  ["in namespaces", guardArgv.bind(undefined, false), !isRoot],
  ["without namespaces", plainGuardArgv.bind(undefined, "7123456789012"), false],
] as const)("a guard %s removes the session, and of cgroups the directories", async (_, argvOf, skipped) => {
  if (skipped) return;
  const session = join(directory, "session");
  const cgroup = join(directory, "manyarch-0123456789abcdef");
  // A RUN may have made a directory that is called as our cgroups are.
  for (const at of [session, join(session, "root/manyarch-0123456789abcdef"), cgroup, join(cgroup, "0")]) {
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, "cgroup.procs"), "");
  }
  const [command = "", ...args] = argvOf({ session, cgroups: [cgroup] }, ["sleep", "100"]);
  const guard = spawn(command, args, { stdio: ["pipe", "ignore", "ignore", "pipe"] });
  guard.stdin?.end("\n");
  await once(guard, "exit");
  expect(existsSync(session)).toBe(false);
  // In earnest the kernel takes the files with the directory.
  expect(readdirSync(cgroup)).toEqual(["0", "cgroup.procs"]);
  expect(readdirSync(join(cgroup, "0"))).toEqual(["cgroup.procs"]);
});
