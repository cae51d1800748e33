import { existsSync, mkdirSync, readFileSync, readdirSync, watch, writeFileSync } from "node:fs";
import type { FSWatcher } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { errnoOf } from "../src/base/errors.ts";
import { startBed } from "./bed/bed.ts";
import type { Bed, CliOptions, CliResult } from "./bed/bed.ts";
import { missingForNamespaces, runsAsRoot, unprivilegedUser } from "./bed/user.ts";
import { makeBrokenCrun } from "./support/broken-crun.ts";

const GROUPS = "/sys/fs/cgroup";
/** Touches 300 MB. */
const ALLOCATE = "dd if=/dev/zero of=/dev/null bs=300M count=1";
const FORK = "i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; wait";
const WAIT = "echo wait''ing; sleep 3";
let count = 0;

async function build(
  bed: Bed,
  command: string,
  flags: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  const context = bed.newDirectory(`context${count++}`);
  writeFileSync(`${context}/Dockerfile`, `FROM busybox\nRUN ${command}\n`);
  const all = ["build", "--progress=plain", "--no-cache", "-o", "type=cacheonly", ...flags, "."];
  return await bed.cli(all, { ...options, cwd: context });
}

/** Names of all sessions that the bed's store has had: other builds of this machine have limits too. */
const sessions = new Set<string>();

function watchSessions(bed: Bed): FSWatcher {
  const directory = `${bed.store}/sessions`;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return watch(directory, (_, name) => void (name !== null && sessions.add(name)));
}

/** What our sessions have in any hierarchy. */
function ours(directory = GROUPS, depth = 0): readonly string[] {
  return directoriesIn(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    const isOurs = name.startsWith("manyarch-") && sessions.has(name.slice("manyarch-".length));
    return [...(isOurs ? [path] : []), ...(depth < 6 ? ours(path, depth + 1) : [])];
  });
}

/** None where somebody else's cgroup has gone meanwhile. */
function directoriesIn(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

describe.skipIf(!runsAsRoot)("as root, where cgroups are ours", () => {
  let bed: Bed;
  let watcher: FSWatcher;
  beforeAll(async () => {
    bed = await startBed({ user: "current" });
    watcher = watchSessions(bed);
  });
  afterAll(() => {
    watcher?.close();
    return bed?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    // Or nothing was looked for.
    expect(sessions.size).toBeGreaterThan(0);
    sessions.clear();
  });

  test.each(["runtime", "namespace", "chroot", "proot"])("on the rung %s memory is limited", async (rung) => {
    const { exitCode, stderr } = await build(bed, ALLOCATE, ["--memory=64m", `--sandbox=${rung}`]);
    expect(stderr).not.toContain("LIMITS_NOT_KEPT");
    expect(stderr).toContain("the command was killed: out of memory (limit 64 MiB)");
    expect(exitCode).not.toBe(0);
    expect(ours()).toEqual([]);
  });

  test.each(["runtime", "namespace"])("on the rung %s processes are limited", async (rung) => {
    const { exitCode, stderr } = await build(bed, FORK, ["--pids-limit=20", `--sandbox=${rung}`]);
    expect(stderr).toContain("processes could not be started: there were too many (limit 20)");
    expect(exitCode).not.toBe(0);
    expect(ours()).toEqual([]);
  });

  test("by runc they are limited as well, and nothing is left", async () => {
    const env = { PATH: `${makeBrokenCrun(bed.newDirectory("tools"))}:${bed.env["PATH"]}` };
    const memory = await build(bed, ALLOCATE, ["--memory=64m", "--sandbox=runtime"], { env });
    expect(memory.stderr).toContain("the command was killed: out of memory (limit 64 MiB)");
    const pids = await build(bed, FORK, ["--pids-limit=20", "--sandbox=runtime"], { env });
    expect(pids.stderr).toContain("processes could not be started: there were too many (limit 20)");
    const { exitCode, stderr } = await build(bed, "true", ["--memory=64m", "--cpus=1"], { env });
    expect(exitCode, stderr).toBe(0);
    expect(stderr).not.toContain("LIMITS_NOT_KEPT");
    expect(ours()).toEqual([]);
  });

  test("processors are limited, and nothing is left after a build that works", async () => {
    const seen = new Set<string>();
    const onStderr = (text: string): void => {
      if (text.includes("waiting")) for (const quota of quotas()) seen.add(quota);
    };
    const { exitCode, stderr } = await build(bed, WAIT, ["--cpus=0.5"], { onStderr });
    expect(exitCode, stderr).toBe(0);
    expect([...seen]).toEqual(["50000"]);
    expect(ours()).toEqual([]);
  });

  test("nothing is left of a build that was killed", async () => {
    let pid = 0;
    let during: readonly string[] = [];
    const onStderr = (text: string): void => {
      if (!text.includes("waiting") || during.length > 0) return;
      during = ours();
      process.kill(pid, "SIGKILL");
    };
    const flags = ["--memory=64m", "--pids-limit=50"];
    await build(bed, WAIT, flags, { onStderr, onStart: (started) => (pid = started) });
    expect(during.length).toBeGreaterThan(0);
    for (let round = 0; round < 80 && ours().length > 0; round++) await sleep(50);
    expect(ours()).toEqual([]);
    const { exitCode } = await build(bed, "true", flags);
    expect(exitCode).toBe(0);
    expect(ours()).toEqual([]);
  });
});

const missing = missingForNamespaces(unprivilegedUser());
const isDelegated = existsSync(`${GROUPS}/cgroup.controllers`);

test.skipIf(missing !== undefined || isDelegated)("a user without cgroups of his own is told, once", async () => {
  await using bed = await startBed();
  const { exitCode, stderr } = await build(bed, "true && true", ["-m", "64m", "--cpus=1"]);
  expect(exitCode, stderr).toBe(0);
  expect(stderr.match(/LIMITS_NOT_KEPT/g)).toHaveLength(1);
  expect(stderr).toMatch(/memory: E[A-Z]+: \//);
  expect(stderr).toMatch(/cpu: E[A-Z]+: \//);
  expect(stderr).toContain("systemd-run --user --scope");
});

/** Of the RUNs that are at work. */
function quotas(): readonly string[] {
  return ours().flatMap((session) =>
    ["cpu.cfs_quota_us", "cpu.max"].flatMap((file) => {
      const path = `${session}/0/${file}`;
      return existsSync(path) ? [readFileSync(path, "latin1").trim().split(" ")[0] ?? ""] : [];
    }),
  );
}
