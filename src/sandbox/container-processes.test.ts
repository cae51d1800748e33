import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { containerProcesses, endOrphan } from "./container-processes.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "container-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a container that has not begun has no processes, and one whose id is another process's of ours neither", async () => {
  const pidFile = join(directory, "pid");
  expect(containerProcesses(pidFile)).toEqual([]);
  writeFileSync(pidFile, "");
  expect(containerProcesses(pidFile)).toEqual([]);
  const other = spawn("sleep", ["60"]);
  try {
    writeFileSync(pidFile, String(other.pid));
    expect(containerProcesses(pidFile)).toEqual([]);
    await endOrphan(pidFile);
    expect([other.exitCode, other.signalCode]).toEqual([null, null]);
  } finally {
    other.kill("SIGKILL");
  }
});
