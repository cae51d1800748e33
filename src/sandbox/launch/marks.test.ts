import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { markOf, markedProcesses, marksWith, newMarks } from "./marks.ts";

test("marks go down from the worker's own, and none is too large for the kernel", () => {
  const marks = newMarks();
  const [first, second] = [markOf(marks, 0), markOf(marks, 1)].map(BigInt);
  expect(BigInt(marks.own)).toBeGreaterThan(first ?? 0n);
  expect(first).toBeGreaterThan(second ?? 0n);
  expect(BigInt(marks.own)).toBeLessThan(2n ** 63n);
  expect(markOf(marks, 999_999_999).startsWith(marks.prefix)).toBe(true);
});

test("what carries a mark is found, with what it started, and nothing else is", async () => {
  const marks = marksWith("7000000000123");
  const script = `ulimit -S -w ${markOf(marks, 7)} && ulimit -H -w ${markOf(marks, 7)} && { setsid sleep 20 & sleep 20 & echo; wait; }`;
  const child = spawn("/bin/dash", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    const found = markedProcesses(markOf(marks, 7));
    expect(found).toContain(child.pid);
    expect(found.length).toBeGreaterThanOrEqual(2);
    expect(markedProcesses(markOf(marks, 8))).toEqual([]);
    expect(markedProcesses(marks.prefix)).toEqual(found);
  } finally {
    for (const pid of markedProcesses(marks.prefix)) process.kill(pid, "SIGKILL");
  }
});
