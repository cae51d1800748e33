import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startBed, type Bed, type CliResult } from "./bed/bed.ts";
import { newContext, type Files } from "./support/context.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

const BAD = "FROM busybox AS One\nENV a=$unset\nCMD run\n";

async function run(args: readonly string[], files: Files): Promise<CliResult> {
  return bed.cli(args, { cwd: newContext(bed, files) });
}

function codes(text: string): readonly string[] {
  return [...text.matchAll(/^(?:warning|error)\[(\w+)\]/gm)].map(([, code = ""]) => code);
}

test("lint: findings on standard output, the count on standard error, exit code 1", async () => {
  const files = { "app/Dockerfile": BAD, "ok.Dockerfile": "FROM busybox\n" };
  const result = await run(["lint", "app", "ok.Dockerfile"], files);
  expect(result).toMatchObject({ exitCode: 1, stderr: "3 warnings in 2 files\n" });
  expect(codes(result.stdout)).toEqual(["StageNameCasing", "UndefinedVar", "JSONArgsRecommended"]);
  expect(result.stdout).toContain("--> app/Dockerfile:2:7\n");
  expect(await run(["lint", "ok.Dockerfile"], files)).toMatchObject({
    exitCode: 0,
    stdout: "",
    stderr: "no findings in 1 file\n",
  });
});

test("lint: --fail-on decides the exit code", async () => {
  const fails = async (failOn: string, dockerfile = BAD): Promise<number | null> =>
    (await run(["lint", "--offline", `--fail-on=${failOn}`], { Dockerfile: dockerfile })).exitCode;
  expect(await fails("info")).toBe(1);
  expect(await fails("error")).toBe(0);
  expect(await fails("error", `# check=error=true\n${BAD}`)).toBe(3);
  expect(await fails("never")).toBe(0);
  expect(await fails("StageNameCasing,UndefinedVar")).toBe(1);
  expect(await fails("DuplicateStageName")).toBe(0);
  const typo = await run(["lint", "--fail-on=UndefinedVars"], { Dockerfile: BAD });
  expect(typo).toMatchObject({ exitCode: 2, stdout: "" });
  expect(typo.stderr).toContain("Did you mean UndefinedVar?");
});

test("lint: a file that cannot be built has its findings, its error and the error's exit code", async () => {
  const files = { a: `${BAD}FORM x\n`, b: "COPY x y\n", c: BAD };
  const result = await run(["lint", "a", "b", "c"], files);
  expect(result.exitCode).toBe(3);
  expect(codes(result.stdout)).toEqual(["StageNameCasing", "StageNameCasing", "UndefinedVar", "JSONArgsRecommended"]);
  expect([...codes(result.stderr)].sort()).toEqual(["DOCKERFILE_NO_FROM", "DOCKERFILE_UNKNOWN_INSTRUCTION"]);
  expect((await run(["lint", "missing"], files)).exitCode).toBe(3);
});

test("lint: what a base image sets is known, and without a registry nothing is said of it", async () => {
  const files = { Dockerfile: "FROM golang:1.26-bookworm\nENV a=$GOPATH b=$GOPAHT\n" };
  const looked = await run(["lint"], files);
  expect(looked.stdout).toContain("'$GOPAHT' (did you mean $GOPATH?)");
  expect(codes(looked.stdout)).toEqual(["UndefinedVar"]);
  const before = bed.mirror.accesses.length;
  expect(await run(["lint", "--offline"], files)).toMatchObject({ exitCode: 0, stdout: "" });
  expect(bed.mirror.accesses.length).toBe(before);
});

test("lint: -o writes a format to a file, named from where the command runs", async () => {
  const files = { "app/Dockerfile": BAD };
  const cwd = newContext(bed, files);
  const target = join(bed.newDirectory("out"), "report.sarif");
  const result = await bed.cli(["lint", "--format=sarif", "-o", target, "app"], { cwd });
  expect(result).toMatchObject({ exitCode: 1, stdout: "", stderr: "" });
  const report = JSON.parse(readFileSync(target, "utf8")) as { runs: [{ results: readonly object[] }] };
  expect(report.runs[0].results).toHaveLength(3);
  expect(JSON.stringify(report)).toContain('"uri":"app/Dockerfile"');
  const refused = await bed.cli(["lint", "--format=sarif", "-o", join(bed.directory, "no/dir"), "app"], { cwd });
  expect(refused.exitCode).toBe(10);
});

test("lint --list names every rule", async () => {
  const { stdout, exitCode } = await run(["lint", "--list"], {});
  expect([stdout.trim().split("\n").length, exitCode]).toEqual([22, 0]);
  const asJson = JSON.parse((await run(["lint", "--list", "--format=json"], {})).stdout) as readonly object[];
  expect(asJson[0]).toMatchObject({ name: "StageNameCasing", page: "docs/rules/StageNameCasing.md" });
});

test("build --check is docker's", async () => {
  const files = { Dockerfile: BAD };
  const result = await run(["build", "--check", "."], files);
  expect(result).toMatchObject({ exitCode: 1, stderr: "" });
  expect(result.stdout).toMatch(/^Check complete, 3 warnings have been found!\n\nWARNING: StageNameCasing - https:/);
  expect((await run(["build", "--check"], { Dockerfile: "FROM busybox\n" })).stdout).toBe(
    "Check complete, no warnings found.\n",
  );
  const json = await run(["build", "--call=check,format=json", "."], files);
  expect(JSON.parse(json.stdout)).toMatchObject({ warnings: [{ ruleName: "StageNameCasing" }, {}, {}] });
  expect((await run(["build", "--call=check,ignorestatus=true", "."], files)).exitCode).toBe(0);
  expect((await run(["build", "--call=check,fromat=json", "."], files)).exitCode).toBe(2);
});

test("a build tells its findings once for all platforms, and ends where they are errors", async () => {
  const build = ["build", "--progress=plain", "--platform=linux/amd64,linux/arm64", "-o", "type=oci,dest=out.tar", "."];
  const built = await run(build, { Dockerfile: BAD });
  expect(built.exitCode).toBe(0);
  expect(built.stderr.match(/^warning\[\w+\].*$/gm)).toEqual([
    "warning[StageNameCasing]: Stage name 'One' should be lowercase (Dockerfile:1:17)",
    "warning[UndefinedVar]: Usage of undefined variable '$unset' (Dockerfile:2:7)",
    "warning[JSONArgsRecommended]: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals (Dockerfile:3)",
  ]);
  const refused = await run(build, { Dockerfile: `# check=skip=UndefinedVar;error=true\n${BAD}` });
  expect(refused.exitCode).toBe(3);
  expect(codes(refused.stderr)).toEqual(["StageNameCasing", "JSONArgsRecommended", "DOCKERFILE_CHECK"]);
  expect(refused.stderr).toContain(
    "error[DOCKERFILE_CHECK]: lint violation found for rules: StageNameCasing, JSONArgsRecommended\n",
  );
  const silent = await run([...build.slice(0, -1), "--build-arg=BUILDKIT_DOCKERFILE_CHECK=skip=all", "."], {
    Dockerfile: `# check=error=true\n${BAD}`,
  });
  expect(silent.exitCode).toBe(0);
  expect(silent.stderr).not.toContain("warning[");
});
