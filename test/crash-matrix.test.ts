import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingForNamespaces, runsAsRoot, unprivilegedUser } from "./bed/user.ts";
import { SCENE_NAMES, Yard, type Part, type Running, type SceneName } from "./support/yard.ts";

/**
 * Every interruption at every moment, and death or failure at any system call, of whole builds. Takes
 * many minutes: with MANYARCH_TEST_ALL=1 only. A sample is in interrupt.test.ts, and the store's own
 * calls in store-crash.test.ts.
 */
const ALL = process.env["MANYARCH_TEST_ALL"] === "1";
const strace = spawnSync("strace", ["-V"]).status === 0;
if (ALL && !strace) console.warn("strace is not installed: crashes at system calls are left out");

const BLOWS: readonly (readonly [string, (running: Running) => void])[] = [
  ["SIGINT to the group", ({ pid }) => void process.kill(-pid, "SIGINT")],
  ["SIGTERM to control", ({ pid }) => void process.kill(pid, "SIGTERM")],
  ["SIGHUP to the group", ({ pid }) => void process.kill(-pid, "SIGHUP")],
  ["SIGKILL to control", ({ pid }) => void process.kill(pid, "SIGKILL")],
  ["SIGKILL to the group", ({ pid }) => void process.kill(-pid, "SIGKILL")],
  ["SIGKILL to the worker", killed("worker")],
  ["SIGKILL to the guard", killed("guard")],
];

const SCENES: readonly SceneName[] = SCENE_NAMES.filter(
  // The one takes its ten seconds, the other never comes by itself.
  (name) => name !== "a RUN that catches SIGTERM and stays" && name !== "everything",
);

for (const user of ["unprivileged", "current"] as const) {
  const skip = !ALL || (user === "current" ? !runsAsRoot : missingForNamespaces(unprivilegedUser()) !== undefined);
  describe.skipIf(skip)(`as the ${user} user`, () => {
    let yard: Yard;
    beforeAll(async () => {
      yard = await Yard.open(user);
    });
    afterAll(() => yard[Symbol.asyncDispose]());

    const points = SCENES.flatMap((scene) => BLOWS.map(([name, strike]) => ({ scene, name, strike }))).filter(
      // A push goes on without a worker.
      ({ scene, name }) => !scene.startsWith("pushing") || !/worker|guard/.test(name),
    );
    test.each(points)("$scene: $name", async ({ scene, name, strike }) => {
      const { result } = await yard.interrupt(scene, strike, { filesStay: name === "SIGKILL to the guard" });
      expect(result.exitCode).not.toBe(0);
    });

    test.each([100, 200, 300, 400, 500, 600, 700, 800])("everything: SIGKILL to control after %i ms", async (wait) => {
      const late = ["sh", "-c", `"$@" & sleep ${wait / 1000}; kill -9 $!; wait`, "sh"];
      await yard.crash(late);
    });
  });
}

const KILLED_AT = ["rename", "fsync", "mkdir", "unlink", "rmdir", "openat", "pwrite64", "write", "utimensat", "execve"];
const POINTS = 8;

describe.skipIf(!ALL || !strace || !runsAsRoot)("at system calls", () => {
  let yard: Yard;
  let counts: ReadonlyMap<string, number>;
  beforeAll(async () => {
    yard = await Yard.open("current");
    counts = await countCalls(yard, [...KILLED_AT]);
  });
  afterAll(() => yard[Symbol.asyncDispose]());

  test.each(KILLED_AT)(
    "killed at any %s",
    async (call) => {
      const count = counts.get(call) ?? 0;
      expect(count).toBeGreaterThan(0);
      let died = 0;
      for (const when of sample(count)) {
        const result = await yard.crash(inject(`${call}:signal=KILL:when=${when}`, call));
        if (result.exitCode !== 0) died++;
      }
      expect(died).toBeGreaterThan(0);
    },
    600_000,
  );

  test.each(["fsync", "pwrite64", "rename", "mkdir"])(
    "%s fails with EIO or ENOSPC: the error names its path",
    async (call) => {
      for (const errno of ["EIO", "ENOSPC"]) {
        for (const when of sample(counts.get(call) ?? 0).slice(0, 4)) {
          const result = await yard.crash(inject(`${call}:error=${errno}:when=${when}`, call));
          expect(result.stderr).not.toContain("INTERNAL");
          if (result.exitCode !== 0) expect(result.stderr).toContain(join(yard.bed.directory, "store-"));
        }
      }
    },
    600_000,
  );

  test.each([0.25, 0.5, 1, 1.5, 2, 3, 5])(
    "a store of %d MB is full: the error says so, and with room the same store is used",
    async (size) => {
      const store = yard.bed.newDirectory(`store-full-${size}`);
      const small = `mount -t tmpfs -o size=${size * 1024}k,mode=700 tmpfs ${store} && { "$@"; code=$?; echo "code $code" >&2; }`;
      const large = `mount -o remount,size=400m ${store} && exec "$@"`;
      const result = await yard.attempt(["unshare", "--mount", "sh", "-c", `${small}; ${large}`, "sh"], store);
      expect(result.exitCode, result.stderr).toBe(0);
      const code = Number(/^code (\d+)$/m.exec(result.stderr)?.[1]);
      if (code === 0) return;
      expect(code, result.stderr).toBe(9);
      expect(/error\[(?:STORE|DISK)_FULL\].*/.exec(result.stderr)?.[0]).toContain(store);
    },
    120_000,
  );
});

function killed(part: Part): (running: Running) => void {
  return ({ pids, pid }) => {
    // Where no worker is at work there is none to kill.
    const found = pids(part);
    for (const one of found.length === 0 ? [pid] : found) process.kill(one, "SIGKILL");
  };
}

function inject(fault: string, call: string): readonly string[] {
  return ["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${fault}`];
}

/** How often a build makes each call, in its busiest thread. */
async function countCalls(yard: Yard, calls: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const trace = join(yard.bed.directory, "trace");
  const counting = ["strace", "-f", "-qq", "-o", trace, "-e", `trace=${calls.join(",")}`];
  const result = await yard.attempt(counting, yard.bed.newDirectory("store-counted"));
  expect(result.exitCode, result.stderr).toBe(0);
  const counts = new Map<string, Map<string, number>>();
  for (const line of readFileSync(trace, "latin1").split("\n")) {
    const [, thread = "", call = ""] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    const threads = counts.get(call) ?? new Map<string, number>();
    threads.set(thread, (threads.get(thread) ?? 0) + 1);
    counts.set(call, threads);
  }
  return new Map(calls.map((call) => [call, Math.max(0, ...(counts.get(call)?.values() ?? []))]));
}

/** Numbers from 1 to `count`, evenly spread. */
function sample(count: number): readonly number[] {
  const points = Math.min(count, POINTS);
  return Array.from({ length: points }, (_, i) => 1 + Math.floor((i * count) / points));
}
