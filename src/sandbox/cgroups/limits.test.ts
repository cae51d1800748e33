import { expect, test } from "vitest";
import { controllersOf, limitFiles } from "./limits.ts";

const all = { memory: 1000, cpuQuota: 50_000, cpuShares: 1024, pids: 7 };

test("what is limited names its controllers", () => {
  expect(controllersOf(all)).toEqual(["memory", "cpu", "pids"]);
  expect(controllersOf({ cpuPeriod: 5 })).toEqual(["cpu"]);
  expect(controllersOf({})).toEqual([]);
});

test.each([
  [1, "memory", ["memory.limit_in_bytes=1000", "memory.memsw.limit_in_bytes=1000"]],
  [2, "memory", ["memory.max=1000", "memory.swap.max=0"]],
  [1, "cpu", ["cpu.cfs_quota_us=50000", "cpu.shares=1024"]],
  [2, "cpu", ["cpu.max=50000 100000", "cpu.weight=39"]],
  [1, "pids", ["pids.max=7"]],
  [2, "pids", ["pids.max=7"]],
] as const)("version %d has %s in %j", (version, controller, expected) => {
  expect(limitFiles(all, controller, version).map(({ name, value }) => `${name}=${value}`)).toEqual(expected);
});

test("the period comes before the quota that is measured by it", () => {
  const files = limitFiles({ cpuQuota: 1000, cpuPeriod: 5000 }, "cpu", 1).map(({ name }) => name);
  expect(files).toEqual(["cpu.cfs_period_us", "cpu.cfs_quota_us"]);
  expect(limitFiles({ cpuPeriod: 5000 }, "cpu", 2)).toEqual([{ name: "cpu.max", value: "max 5000" }]);
});

test.each([
  [2, "1"],
  [262_144, "10000"],
])("%d shares are a weight of %s", (cpuShares, value) => {
  expect(limitFiles({ cpuShares }, "cpu", 2)).toEqual([{ name: "cpu.weight", value }]);
});
