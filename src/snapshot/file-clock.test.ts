import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { earliestChange, momentAfter } from "./file-clock.ts";

const SECOND = 1_000_000_000n;

test("what changes after a moment has a later time than what came before", () => {
  const directory = mkdtempSync(join(tmpdir(), "clock-"));
  try {
    for (let round = 0; round < 20; round++) {
      const file = join(directory, "file");
      writeFileSync(file, `${round}`);
      const before = statSync(file, { bigint: true }).ctimeNs;
      const { time } = momentAfter(before, directory);
      expect(time).toBeGreaterThan(before);
      writeFileSync(file, "x");
      expect(statSync(file, { bigint: true }).ctimeNs).toBeGreaterThanOrEqual(time);
    }
    const soon = BigInt(Date.now() + 15) * 1_000_000n;
    expect(momentAfter(soon, directory).time).toBeGreaterThan(soon);
    expect(readdirSync(directory)).toEqual(["file"]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a clock that is too coarse is not waited for", () => {
  const directory = mkdtempSync(join(tmpdir(), "clock-"));
  try {
    const never = BigInt(Date.now() + 3_600_000) * 1_000_000n;
    expect(momentAfter(never, directory).time).toBeLessThan(never);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a clock that was set back makes more unclear", () => {
  const before = { time: 1000n * SECOND, monotonic: 0 };
  const after = (seconds: bigint): bigint =>
    earliestChange(before, { time: before.time + seconds * SECOND, monotonic: 10_000 });
  expect(after(10n)).toBe(before.time);
  expect(after(3600n)).toBe(before.time);
  expect(after(0n)).toBeLessThan(before.time - 9n * SECOND);
  expect(after(-3600n)).toBeLessThan(before.time - 3600n * SECOND);
});
