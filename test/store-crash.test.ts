import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { digestOf } from "../src/oci/digest.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { MOUNT, UMOUNT } from "../src/sys/syscalls.ts";

/**
 * Kills a writer of the store at its system calls, and lets those fail, by strace's fault injection.
 * `when=` counts for each thread, so the pool has one. The whole matrix takes a minute or two and runs
 * with MANYARCH_TEST_ALL=1; a sample of it always.
 */
const PROGRAM = join(import.meta.dirname, "store/program.ts");
const ALL = process.env["MANYARCH_TEST_ALL"] === "1";
const strace = spawnSync("strace", ["-V"]).status === 0;
if (!strace) console.warn("strace is not installed: crash tests of the store are left out");
const withStrace = test.skipIf(!strace);

interface Outcome {
  readonly digests?: readonly string[];
  readonly records?: number;
  readonly cached?: number;
  readonly code?: string;
  readonly message?: string;
  readonly notes: readonly string[];
}

let base: string;
let root: string;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "crash-"));
  root = join(base, "store");
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function run(
  prefix: readonly string[] = [],
  at: string = root,
): { readonly outcome: Outcome | undefined; readonly stderr: string } {
  const [command = "", ...args] = [...prefix, process.execPath, PROGRAM, at];
  const result = spawnSync(command, args, {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "1" },
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  const line = result.stdout.trim();
  return { outcome: line === "" ? undefined : (JSON.parse(line) as Outcome), stderr: result.stderr };
}

function inject(fault: string): ReturnType<typeof run> {
  const [call] = fault.split(":");
  return run(["strace", "-f", "-qq", "-o", join(base, "trace"), "-e", `trace=${call}`, "-e", `inject=${fault}`]);
}

/** How often the program makes each system call, in its busiest thread. */
function countCalls(calls: readonly string[]): ReadonlyMap<string, number> {
  const trace = join(base, "count");
  run(["strace", "-f", "-qq", "-o", trace, "-e", `trace=${calls.join(",")}`], join(base, "counted"));
  const counts = new Map<string, Map<string, number>>();
  for (const line of readFileSync(trace, "latin1").split("\n")) {
    // Node syncs its standard streams when it exits, and does not end where that fails.
    if (/^\d+ +fsync\([12]\)/.test(line)) continue;
    const [, thread = "", call = ""] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    const threads = counts.get(call) ?? new Map<string, number>();
    threads.set(thread, (threads.get(thread) ?? 0) + 1);
    counts.set(call, threads);
  }
  return new Map(calls.map((call) => [call, Math.max(0, ...(counts.get(call)?.values() ?? []))]));
}

const EXPECTED = Array.from({ length: 4 }, (_, i) => digestOf(Buffer.alloc(100_000, `blob ${i}`)));

function expectNothingLeft(): void {
  const names = readdirSync(root);
  expect(
    names.filter(
      (name) =>
        !/^(version|oci-layout|index\.json|blobs|snapshots|indexes|sessions|quarantine|records\.db(-wal|-shm|-journal)?)$/.test(
          name,
        ),
    ),
  ).toEqual([]);
  if (names.includes("sessions")) expect(readdirSync(join(root, "sessions"))).toEqual([]);
  if (!existsSync(join(root, "blobs/sha256"))) return;
  for (const name of readdirSync(join(root, "blobs/sha256"))) {
    expect(digestOf(readFileSync(join(root, "blobs/sha256", name)))).toBe(`sha256:${name}`);
  }
}

function expectNextRunRight(at: string = root): void {
  const { outcome, stderr } = run([], at);
  expect(stderr).toBe("");
  expect(outcome).toMatchObject({ digests: EXPECTED, records: 4, notes: [] });
  expect(readdirSync(join(at, "quarantine"))).toEqual([]);
  expect(readdirSync(join(at, "sessions"))).toEqual([]);
}

const KILLED_AT = [
  "mkdir",
  "rename",
  "fsync",
  "pwrite64",
  "unlink",
  "rmdir",
  "ftruncate",
  "write",
  "openat",
  "fcntl",
  "execve",
];

withStrace(
  "killed at any call, the next run uses the store as it is",
  () => {
    const counts = countCalls(KILLED_AT);
    const points = [...counts].flatMap(([call, count]) => sample(count).map((when) => ({ call, when })));
    let killed = 0;
    for (const { call, when } of points) {
      rmSync(root, { recursive: true, force: true });
      const { outcome } = inject(`${call}:signal=KILL:when=${when}`);
      if (outcome === undefined) killed++;
      mkdirSync(root, { recursive: true });
      expectNothingLeft();
      expectNextRunRight();
    }
    expect(killed).toBeGreaterThan(points.length / 2);
  },
  600_000,
);

withStrace(
  "an fsync that fails commits nothing",
  () => {
    const count = countCalls(["fsync"]).get("fsync") ?? 0;
    expect(count).toBeGreaterThan(5);
    const codes = new Set<string | undefined>();
    for (let when = 1; when <= count; when++) {
      if (!ALL && when % 3 !== 1) continue;
      rmSync(root, { recursive: true, force: true });
      const { outcome } = inject(`fsync:error=EIO:when=${when}`);
      // Of a blob: the build fails. Of the records: they are left out, with a note.
      codes.add(outcome?.code ?? outcome?.notes.join());
      expectNothingLeft();
      expectNextRunRight();
    }
    expect(codes).toContain("STORE_IO");
  },
  600_000,
);

withStrace("a blob is on the disk before it has its name, and then its name is", () => {
  const trace = join(base, "order");
  run(["strace", "-f", "-qq", "-y", "-o", trace, "-e", "trace=fsync,rename"]);
  const calls = readFileSync(trace, "latin1").split("\n");
  const named = [...calls.entries()].flatMap(([at, call]) => {
    const [, temporary, directory] = /rename\("([^"]+)", "(.+\/blobs\/sha256)\/[0-9a-f]{64}"/.exec(call) ?? [];
    return temporary === undefined ? [] : [{ at, temporary, directory }];
  });
  expect(named.length).toBeGreaterThan(0);
  for (const { at, temporary, directory } of named) {
    expect(calls.slice(0, at).some((call) => call.includes(`<${temporary}>`))).toBe(true);
    expect(calls[at + 1]).toContain(`<${directory}>`);
  }
});

withStrace("a blob whose fsync failed is not there", () => {
  run();
  rmSync(join(root, "blobs/sha256"), { recursive: true });
  mkdirSync(join(root, "blobs/sha256"));
  const { outcome } = inject("fsync:error=EIO:when=1");
  expect(outcome).toMatchObject({ code: "STORE_IO" });
  expect(readdirSync(join(root, "blobs/sha256"))).toEqual([]);
  expectNextRunRight();
});

test.skipIf(process.getuid?.() !== 0)(
  "a full disk says so, and is used again when it has room",
  () => {
    const sys = loadSyscalls();
    const disk = join(base, "disk");
    mkdirSync(disk);
    const store = join(disk, "store");
    const codes: (string | undefined)[] = [];
    for (const limit of limits()) {
      sys.mount("tmpfs", disk, "tmpfs", 0, limit);
      try {
        const { outcome, stderr } = run([], store);
        expect(stderr).toBe("");
        codes.push(outcome?.code);
        if (outcome?.code !== undefined) {
          expect(outcome.code).toBe("STORE_FULL");
          expect(outcome.message).toMatch(new RegExp(`^no space left to write ${store}.*found .* free`));
        }
        sys.mount("none", disk, "", MOUNT.REMOUNT, "size=4m,nr_inodes=1000");
        expectNextRunRight(store);
      } finally {
        sys.unmount(disk, UMOUNT.DETACH);
      }
    }
    expect(codes).toContain("STORE_FULL");
    expect(codes).toContain(undefined);
  },
  600_000,
);

function limits(): readonly string[] {
  const sizes = Array.from({ length: ALL ? 30 : 8 }, (_, i) => `size=${(i + 1) * (ALL ? 24 : 90)}k`);
  const inodes = Array.from({ length: 24 }, (_, i) => `nr_inodes=${i + 3}`).filter((_, i) => ALL || i % 6 === 0);
  return [...sizes, ...inodes];
}

function sample(count: number): readonly number[] {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  if (ALL) return all;
  return all.filter((when) => when === Math.ceil(count * 0.6));
}
