import { randomBytes } from "node:crypto";
import { chmodSync, closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed, type CliResult } from "./bed/bed.ts";
import { findLeftovers } from "./bed/leftovers.ts";
import { missingForNamespaces, unprivilegedUser } from "./bed/user.ts";

/**
 * Memory does not grow with what a build moves: the peaks of control and worker stay below what they
 * need for a small build plus buffers. 1 GiB and 200 MB with MANYARCH_TEST_ALL=1, else a part of that.
 */
const ALL = process.env["MANYARCH_TEST_ALL"] === "1";
const CONTEXT_BYTES = (ALL ? 1024 : 256) * 1024 * 1024;
const OUTPUT_BYTES = ALL ? 200_000_000 : 100_000_000;
const CONTROL_LIMIT = 200_000;
const WORKER_LIMIT = 260_000;

const missing = missingForNamespaces(unprivilegedUser());
let bed: Bed;

beforeAll(async () => {
  bed = await startBed({ user: missing === undefined ? "unprivileged" : "current" });
  bed.newDirectory("context");
  writeMixed(join(bed.directory, "context/big"), CONTEXT_BYTES);
});
afterAll(() => bed[Symbol.asyncDispose]());

test.each(["gzip", "zstd"])(
  "a big file is packed and pushed in bounded memory, %s",
  async (compression) => {
    const { result, control, worker } = await build("FROM scratch\nCOPY big /big\n", [`--compression=${compression}`]);
    expect(result.exitCode, result.stderr).toBe(0);
    expect(worker).toBeGreaterThan(40_000);
    expect(control).toBeLessThan(CONTROL_LIMIT);
    expect(worker).toBeLessThan(WORKER_LIMIT);
  },
  300_000,
);

test.each(["plain", "rawjson"])(
  "a RUN that prints without end is shown in bounded memory, %s",
  async (progress) => {
    const print = `yes 'a line of output that is as long as lines of compilers are, and says about as much' | head -c ${OUTPUT_BYTES}`;
    // A reader that is late.
    const prefix = ["sh", "-c", '"$@" 2>&1 | { sleep 6; wc -c; }', "sh"];
    const { result, control, worker } = await build(`FROM busybox\nRUN ${print}\n`, [`--progress=${progress}`], prefix);
    expect(result.exitCode).toBe(0);
    expect(Number(result.stdout)).toBeGreaterThan(OUTPUT_BYTES);
    expect(control).toBeLessThan(CONTROL_LIMIT);
    expect(worker).toBeLessThan(WORKER_LIMIT);
  },
  300_000,
);

/** The peaks of resident memory in kB, looked at until the build's end. */
async function build(
  dockerfile: string,
  flags: readonly string[],
  prefix: readonly string[] = [],
): Promise<{ readonly result: CliResult; readonly control: number; readonly worker: number }> {
  const path = join(bed.directory, "context/Dockerfile");
  writeFileSync(path, dockerfile);
  chmodSync(path, 0o644);
  const peaks = { control: 0, worker: 0 };
  const pids: { control?: number | undefined; worker?: number | undefined } = {};
  const look = setInterval(() => {
    if (pids.control === undefined || pids.worker === undefined) {
      const { processes } = findLeftovers(bed.directory, []);
      pids.control ??= pidOf(processes, /^\d+ \S*node .*cli\/main\.ts/);
      pids.worker ??= pidOf(processes, /^\d+ \S*node .*worker\/main\.ts/);
    }
    peaks.control = Math.max(peaks.control, peakOf(pids.control));
    peaks.worker = Math.max(peaks.worker, peakOf(pids.worker));
  }, 20);
  const args = ["--no-cache", "--push", `--tag=${bed.target.host}/big`, ...flags, join(bed.directory, "context")];
  const result = await bed.cli(["build", ...args], { prefix });
  clearInterval(look);
  return { result, ...peaks };
}

function pidOf(processes: readonly string[], command: RegExp): number | undefined {
  const line = processes.find((process) => command.test(process));
  return line === undefined ? undefined : Number.parseInt(line, 10);
}

function peakOf(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? 0);
  } catch {
    return 0; // It has ended.
  }
}

/** A quarter noise, a quarter text, and a hole for the rest. */
function writeMixed(path: string, size: number): void {
  const file = openSync(path, "w", 0o644);
  const piece = 4 * 1024 * 1024;
  for (let at = 0; at < size; at += 4 * piece) {
    writeSync(file, randomBytes(piece), 0, piece, at);
    writeSync(file, Buffer.alloc(piece, "some text that compresses well\n"), 0, piece, at + 2 * piece);
  }
  closeSync(file);
  truncateSync(path, size);
}
