import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf } from "../src/oci/digest.ts";

const PROGRAM = join(import.meta.dirname, "store/program.ts");

interface Outcome {
  readonly digests: readonly string[];
  readonly cached: number;
  readonly records: number;
  readonly notes: readonly string[];
}

let base: string;
let root: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "sharing-"));
  root = join(base, "store");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function runNow(count: number, size: number): Outcome {
  return JSON.parse(
    spawnSync(process.execPath, [PROGRAM, root, String(count), String(size)], { encoding: "utf8" }).stdout,
  ) as Outcome;
}

async function run(count: number, size: number): Promise<Outcome> {
  const child = spawn(process.execPath, [PROGRAM, root, String(count), String(size)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, "close");
  expect(stderr).toBe("");
  return JSON.parse(stdout) as Outcome;
}

test("builds that begin a store together and write the same blobs all succeed", async () => {
  const expected = Array.from({ length: 30 }, (_, i) => digestOf(Buffer.alloc(20_000, `blob ${i}`)));
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => run(30, 20_000)));
  for (const outcome of outcomes) expect(outcome).toMatchObject({ digests: expected, records: 30, notes: [] });
  expect(readdirSync(join(root, "blobs/sha256"))).toHaveLength(30);
  expect(readdirSync(join(root, "sessions"))).toEqual([]);
  expect(runNow(30, 20_000)).toMatchObject({ cached: 30, notes: [] });
});

test("builds that find the same damage mend it once and go on", async () => {
  runNow(6, 5000);
  const blobs = join(root, "blobs/sha256");
  for (const name of readdirSync(blobs).slice(0, 4)) {
    chmodSync(join(blobs, name), 0o644);
    truncateSync(join(blobs, name), 100);
  }
  const database = join(root, "records.db");
  writeFileSync(database, readFileSync(database).fill(0x11, 0, 3000));
  const outcomes = await Promise.all(Array.from({ length: 3 }, () => run(6, 5000)));
  for (const outcome of outcomes) expect(outcome.digests).toHaveLength(6);
  expect(outcomes.flatMap(({ notes }) => notes)).toContain("RECORDS_CORRUPT");
  expect(runNow(6, 5000)).toMatchObject({ cached: 6, records: 6, notes: [] });
});
