import { spawnSync, type SpawnSyncReturns } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** The program as it is started from a shell, with nothing around it. */
const MANYARCH = join(import.meta.dirname, "../bin/manyarch");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "command-line-"));
  mkdirSync(join(directory, "context"));
  writeFileSync(join(directory, "context/Dockerfile"), "FROM scratch AS one\nCOPY file /\n");
  writeFileSync(join(directory, "context/file"), "content");
});
afterAll(() => rmSync(directory, { recursive: true }));

function run(args: readonly string[], stdout: number | "pipe" = "pipe", input = ""): SpawnSyncReturns<string> {
  const env = { ...process.env, MANYARCH_ROOT: join(directory, "store") };
  return spawnSync(MANYARCH, args, { cwd: directory, env, encoding: "utf8", stdio: ["pipe", stdout, "pipe"], input });
}

test.each([
  [["--help"]],
  [["build", "--quiet", "context"]],
  [["build", "-o", "-", "context"]],
  [["build", "--call=targets", "context"]],
  [["plan", "--json", "context"]],
  [["lint", "--format", "json", "context"]],
])("%j: standard output that is full is a failure", (args) => {
  const full = openSync("/dev/full", "w");
  const { status, stderr } = run(args, full);
  closeSync(full);
  expect(stderr).toContain("error[OUTPUT_FULL]: standard output cannot be written: ENOSPC");
  expect(stderr.split("error[")).toHaveLength(2);
  expect(status).toBe(10);
});

test("a reader that has had enough is none", () => {
  const { status, stdout, stderr } = spawnSync("sh", ["-c", '"$0" plan --json context | head -c 1', MANYARCH], {
    cwd: directory,
    env: { ...process.env, MANYARCH_ROOT: join(directory, "store") },
    encoding: "utf8",
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "{", stderr: "" });
});

test("files that tell of the result may go into a directory that the build makes", () => {
  expect(run(["build", "-o", "out", "--metadata-file", "out/meta.json", "context"]).status).toBe(0);
  expect(readdirSync(join(directory, "out")).toSorted()).toEqual(["file", "meta.json"]);
});

test("--no-cache-filter of a stage that the build has not is noted", () => {
  const { status, stderr } = run(["build", "--no-cache-filter", "ONE,two,0", "-o", "type=cacheonly", "context"]);
  expect(stderr).toContain(
    "warning[NO_CACHE_FILTER_UNUSED]: --no-cache-filter two: no stage of this build has that name",
  );
  expect(stderr).toContain("help: the stages are one");
  expect(status).toBe(0);
});

test.each([
  [["-", "-"], "standard input can be read once"],
  [["--list", "--format", "sarif"], "rules have no such format"],
])("lint %j is refused", (args, message) => {
  const { status, stderr } = run(["lint", ...args], "pipe", "FROM scratch");
  expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
});
