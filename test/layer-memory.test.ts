import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const MIB = 1024 * 1024;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "layer-memory-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

test.each(["gzip", "zstd", "none"])("a %s layer of 640 MiB is written and read in less than 256 MiB", (kind) => {
  const program = join(import.meta.dirname, "layer/flat-memory.ts");
  const output = execFileSync(process.execPath, [program, kind, String(640 * MIB), join(directory, kind)]);
  const { read, mebibytes } = JSON.parse(output.toString()) as { read: number; mebibytes: number };
  expect(read).toBe(640 * MIB);
  expect(mebibytes).toBeLessThan(256);
});
