import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { RuntimeChoice, findRuntimes } from "./runtime.ts";
import type { Runtime } from "./runtime.ts";

const crun: Runtime = { name: "crun", path: "/usr/bin/crun", flags: [] };
const runc: Runtime = { name: "runc", path: "/usr/bin/runc", flags: [] };

test("runtimes are found in absolute directories only, crun before runc", () => {
  const directory = mkdtempSync(join(tmpdir(), "runtimes-"));
  try {
    for (const name of ["a", "b"]) mkdirSync(join(directory, name));
    for (const path of ["a/runc", "b/crun", "b/runc"]) writeFileSync(join(directory, path), "", { mode: 0o755 });
    const path = `.:b:${directory}/a:${directory}/b`;
    expect(findRuntimes(path).map((runtime) => runtime.path)).toEqual([
      join(directory, "b/crun"),
      join(directory, "a/runc"),
    ]);
    chmodSync(join(directory, "b/crun"), 0o644);
    expect(findRuntimes(path).map((runtime) => runtime.name)).toEqual(["runc"]);
    expect(findRuntimes("relative:")).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the first that does not work is passed over, one that did is not", () => {
  const choice = new RuntimeChoice([crun, runc]);
  expect(choice.failed(crun)).toBe(true);
  expect(choice.current()).toBe(runc);
  // Two containers began with crun at the same time.
  expect(choice.failed(crun)).toBe(false);
  expect(choice.current()).toBe(runc);

  const proven = new RuntimeChoice([crun, runc]);
  proven.succeeded();
  expect(proven.failed(crun)).toBe(false);
  expect(proven.current()).toBe(crun);
});

test("none is an error when one is needed, and says what to install", () => {
  const choice = new RuntimeChoice([]);
  expect(choice.name).toBeNull();
  expect(() => choice.current()).toThrow(
    expect.objectContaining({ code: "SANDBOX_UNAVAILABLE", hint: expect.stringContaining("crun") }),
  );
});
