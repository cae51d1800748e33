import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { enterSession } from "./run-cgroups.ts";
import { makeSessionCgroups } from "./session-cgroups.ts";

const NAME = "0123456789abcdef";
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/cgroups-`);
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

/** /proc/self as a kernel would show it, with what `mounts` has mounted below our directory. */
function proc(
  cgroup: string,
  mounts: readonly (readonly [place: string, type: string, root: string, options: string])[],
) {
  const lines = mounts.map(
    ([place, type, root, options], at) => `${at} 1 0:1 ${root} ${directory}/${place} rw - ${type} c rw,${options}`,
  );
  mkdirSync(`${directory}/proc`);
  writeFileSync(`${directory}/proc/cgroup`, cgroup);
  writeFileSync(`${directory}/proc/mountinfo`, `${lines.join("\n")}\n`);
  return `${directory}/proc`;
}

function cgroup2(path: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(`${directory}/${path}`, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${directory}/${path}/${name}`, text);
}

test("of version 1, in our own cgroup of each hierarchy, controllers of one hierarchy together", () => {
  for (const path of ["memory/job", "both/x"]) mkdirSync(`${directory}/${path}`, { recursive: true });
  const at = proc("4:memory:/outer/job\n3:cpu,pids:/x\n0::/\n", [
    ["memory", "cgroup", "/outer", "memory"],
    ["both", "cgroup", "/", "cpu,pids"],
  ]);
  expect(makeSessionCgroups({ memory: 1, cpuQuota: 1, pids: 1 }, NAME, at)).toEqual({
    cgroups: [
      { version: 1, controllers: ["memory"], directory: `${directory}/memory/job/manyarch-${NAME}` },
      { version: 1, controllers: ["cpu", "pids"], directory: `${directory}/both/x/manyarch-${NAME}` },
    ],
    refused: [],
  });
  expect(existsSync(`${directory}/both/x/manyarch-${NAME}`)).toBe(true);
});

test("of version 2, where the controllers are handed down or can be", () => {
  cgroup2("u/own", { "cgroup.controllers": "memory pids\n", "cgroup.subtree_control": "pids\n" });
  const at = proc("0::/own\n", [["u", "cgroup2", "/", "nsdelegate"]]);
  const { cgroups } = makeSessionCgroups({ memory: 1, pids: 1 }, NAME, at);
  expect(cgroups).toEqual([
    { version: 2, controllers: ["memory", "pids"], directory: `${directory}/u/own/manyarch-${NAME}` },
  ]);
  expect(readFileSync(`${directory}/u/own/cgroup.subtree_control`, "latin1")).toBe("+memory");
});

test("of version 2, beside our own cgroup where that cannot, unless RUNs would escape its limits there", () => {
  cgroup2("u", { "cgroup.controllers": "memory\n", "cgroup.subtree_control": "memory\n" });
  cgroup2("u/own", { "cgroup.controllers": "\n", "memory.max": "max\n" });
  const at = proc("0::/own\n", [["u", "cgroup2", "/", ""]]);
  expect(makeSessionCgroups({ memory: 1 }, NAME, at).cgroups[0]?.directory).toBe(`${directory}/u/manyarch-${NAME}`);
  writeFileSync(`${directory}/u/own/memory.max`, "1000000\n");
  expect(makeSessionCgroups({ memory: 1 }, NAME, at)).toEqual({
    cgroups: [],
    refused: [`memory: ${directory}/u/own has no controller memory`],
  });
});

test("what is not to be had is named", () => {
  const at = proc("4:memory:/elsewhere\n3:pids:/x\n", [["memory", "cgroup", "/outer", "memory"]]);
  expect(makeSessionCgroups({ memory: 1, pids: 1, cpuShares: 5 }, NAME, at).refused).toEqual([
    `our cgroup /elsewhere is not below ${directory}/memory`,
    "this kernel has no cgroup controller cpu",
    "the cgroups of pids are mounted nowhere",
  ]);
});

test("cgroups of dead sessions are removed, those of others are not", () => {
  const [dead, alive] = ["manyarch-00000000000000aa", "manyarch-00000000000000bb"];
  for (const one of [dead, alive]) mkdirSync(`${directory}/memory/${one}/worker`, { recursive: true });
  for (const one of [dead, alive]) mkdirSync(`${directory}/memory/${one}/3`);
  writeFileSync(`${directory}/memory/${alive}/worker/cgroup.procs`, "17\n");
  const at = proc("4:memory:/\n", [["memory", "cgroup", "/", "memory"]]);
  makeSessionCgroups({ memory: 1 }, NAME, at);
  expect(existsSync(`${directory}/memory/${dead}`)).toBe(true);
  vi.useFakeTimers({ now: Date.now() + 60_000 });
  makeSessionCgroups({ memory: 1 }, NAME, at);
  expect(existsSync(`${directory}/memory/${dead}`)).toBe(false);
  // Its RUN's is not asked for, and could be removed.
  expect(existsSync(`${directory}/memory/${alive}/3`)).toBe(true);
});

test("a worker that may not enter says why", () => {
  const refused: string[] = [];
  const gone = { version: 1, controllers: ["memory"], directory: `${directory}/gone` } as const;
  expect(enterSession([gone], (reason) => refused.push(reason))).toEqual([]);
  expect(refused).toEqual([`memory: ENOENT: ${directory}/gone/worker`]);
});
