import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { AppError } from "../../base/errors.ts";
import { lineRange } from "../../base/source.ts";
import type { SourceFile } from "../../base/source.ts";
import { Linter } from "../../frontend/dockerfile/lint/linter.ts";
import { Images } from "../../frontend/dockerfile/to-graph/plan-fixture.ts";
import { planBuild } from "../../frontend/dockerfile/to-graph/plan.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { formatChecks } from "./format.ts";
import type { LintFormat } from "./format.ts";
import { summaryOf } from "./terminal.ts";
import type { Checked } from "./types.ts";

const TEXT = `FROM busybox AS One
ENV a="$b" c="$b"
COPY x \\
  $data
CMD run "<&>"
`;

/** A file with findings, one that is as it should be and one that cannot be built. */
async function files(): Promise<readonly Checked[]> {
  const broken: SourceFile = { name: "sub dir/b.Dockerfile", text: "FROM a\nFORM b\n" };
  const error = new AppError("DOCKERFILE_X", "100% wrong,\nhere: <b>", {
    source: lineRange(broken, 2),
    hint: "Mend it.",
  });
  return [
    await check({ name: "app/Dockerfile", text: TEXT }),
    await check({ name: "Dockerfile", text: "FROM busybox\n" }),
    { file: broken, findings: [], error },
  ];
}

async function check(file: SourceFile): Promise<Checked> {
  const linter = new Linter();
  const platform = parsePlatform("linux/amd64");
  const request = {
    dockerfile: file,
    platforms: [platform],
    buildPlatform: platform,
    buildArgs: {},
    labels: {},
    contextDirectory: "/",
    ignore: [],
    signal: new AbortController().signal,
  };
  await planBuild(request, new Images(), linter);
  return { file, findings: linter.findings, error: undefined };
}

async function format(name: LintFormat, checked: readonly Checked[]): Promise<string> {
  return formatChecks(name, checked, { color: false, columns: 80, version: "1.2.3" });
}

test("terminal: each finding once, with its lines and what to do", async () => {
  expect(await format("terminal", await files())).toMatchInlineSnapshot(`
    "warning[StageNameCasing]: Stage name 'One' should be lowercase
      --> app/Dockerfile:1:17
    1 > | FROM busybox AS One
        |                 ^^^
    2   | ENV a="$b" c="$b"
    3   | COPY x \\
    help: Write the name in lower case.
          https://docs.docker.com/go/dockerfile/rule/stage-name-casing/

    warning[UndefinedVar]: Usage of undefined variable '$b'
      --> app/Dockerfile:2:8
    1   | FROM busybox AS One
    2 > | ENV a="$b" c="$b"
        |        ^^
    3   | COPY x \\
    4   |   $data
    help: Declare it above with ARG or ENV, in this stage or the one it begins with.
          https://docs.docker.com/go/dockerfile/rule/undefined-var/

    warning[UndefinedVar]: Usage of undefined variable '$data'
      --> app/Dockerfile:4:3
    2   | ENV a="$b" c="$b"
    3   | COPY x \\
    4 > |   $data
        |   ^^^^^
    5   | CMD run "<&>"
    help: Declare it above with ARG or ENV, in this stage or the one it begins with.
          https://docs.docker.com/go/dockerfile/rule/undefined-var/

    warning[JSONArgsRecommended]: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
      --> app/Dockerfile:5
    3   | COPY x \\
    4   |   $data
    5 > | CMD run "<&>"
    help: Write ["PROGRAM", "ARGUMENT"], or SHELL before it where a shell is meant.
          https://docs.docker.com/go/dockerfile/rule/json-args-recommended/
    "
  `);
  expect(summaryOf(await files())).toBe("4 warnings in 3 files; 1 of them cannot be built");
  expect(summaryOf((await files()).slice(1, 2))).toBe("no findings in 1 file");
});

test("docker: every finding, as docker build --check prints them", async () => {
  const once = await check({ name: "app/Dockerfile", text: TEXT.replace(' c="$b"', "") });
  expect(await format("docker", [once])).toMatchInlineSnapshot(`
    "Check complete, 4 warnings have been found!

    WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/
    Stage name 'One' should be lowercase
    app/Dockerfile:1
    --------------------
       1 | >>> FROM busybox AS One
       2 |     ENV a="$b"
       3 |     COPY x \\
    --------------------

    WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/
    Usage of undefined variable '$b'
    app/Dockerfile:2
    --------------------
       1 |     FROM busybox AS One
       2 | >>> ENV a="$b"
       3 |     COPY x \\
       4 |       $data
    --------------------

    WARNING: UndefinedVar - https://docs.docker.com/go/dockerfile/rule/undefined-var/
    Usage of undefined variable '$data'
    app/Dockerfile:3
    --------------------
       2 |     ENV a="$b"
       3 | >>> COPY x \\
       4 | >>>   $data
       5 |     CMD run "<&>"
    --------------------

    WARNING: JSONArgsRecommended - https://docs.docker.com/go/dockerfile/rule/json-args-recommended/
    JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
    app/Dockerfile:5
    --------------------
       3 |     COPY x \\
       4 |       $data
       5 | >>> CMD run "<&>"
       6 |     
    --------------------
    "
  `);
  const blocks = (await format("docker", (await files()).slice(0, 1))).split("\nWARNING: ");
  expect(blocks).toHaveLength(6);
  expect(blocks[3]).toBe(blocks[2]);
  expect(await format("docker", (await files()).slice(1, 2))).toBe("Check complete, no warnings found.\n");
  expect(await format("docker", (await files()).slice(2))).toBe("");
});

test("json: BuildKit's", async () => {
  const result = JSON.parse(await format("json", await files())) as Record<string, readonly object[]>;
  expect(Object.keys(result)).toEqual(["warnings", "sources", "buildError"]);
  expect(result["warnings"]).toHaveLength(5);
  expect(result["warnings"]![3]).toEqual({
    ruleName: "UndefinedVar",
    description: "Variables should be defined before their use",
    url: "https://docs.docker.com/go/dockerfile/rule/undefined-var/",
    detail: "Usage of undefined variable '$data'",
    location: { ranges: [3, 4].map((line) => ({ start: { line }, end: { line } })) },
  });
  expect(result["sources"]![0]).toEqual({
    filename: "app/Dockerfile",
    data: Buffer.from(TEXT).toString("base64"),
    language: "Dockerfile",
  });
  expect(result["buildError"]).toEqual({
    message: "100% wrong,\nhere: <b>",
    location: { sourceIndex: 2, ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
  });
  const clean = JSON.parse(await format("json", (await files()).slice(1, 2))) as unknown;
  expect(clean).toMatchObject({ warnings: null });
  expect(clean).not.toHaveProperty("buildError");
});

describe("sarif", () => {
  const schema = new URL("../../../../shared/conformance/schemas/sarif-2.1.0.json", import.meta.url);

  test.skipIf(!existsSync(schema))("is valid by its schema", async () => {
    const require = createRequire(import.meta.url);
    const Ajv = require("ajv") as new (options: object) => {
      compile(schema: object): { (value: unknown): boolean; errors?: unknown };
    };
    const ajv = new Ajv({ strict: false, formats: { uri: /^[a-z]+:/, "uri-reference": /^[^ ]+$/, "date-time": true } });
    const validate = ajv.compile(JSON.parse(readFileSync(schema, "utf8")) as object);
    for (const checked of [await files(), (await files()).slice(1, 2), []]) {
      expect([validate(JSON.parse(await format("sarif", checked))), validate.errors]).toEqual([true, null]);
    }
    expect(validate({ version: "2.1.0", runs: [{}] })).toBe(false);
  });

  test("has rules, places and errors", async () => {
    const { runs } = JSON.parse(await format("sarif", await files())) as { runs: [Record<string, unknown>] };
    const [{ tool, results, invocations }] = runs;
    expect(tool).toMatchObject({ driver: { name: "manyarch", version: "1.2.3" } });
    const place = (uri: string, region: object): object => ({
      physicalLocation: { artifactLocation: { uri }, region },
    });
    expect(results).toMatchObject([
      { ruleId: "StageNameCasing", ruleIndex: 0, level: "warning" },
      {
        ruleId: "UndefinedVar",
        locations: [place("app/Dockerfile", { startLine: 2, endLine: 2, startColumn: 8, endColumn: 10 })],
      },
      { message: { text: "Usage of undefined variable '$data'" } },
      { ruleId: "JSONArgsRecommended", locations: [place("app/Dockerfile", { startLine: 5, endLine: 5 })] },
    ]);
    expect(invocations).toMatchObject([
      {
        executionSuccessful: false,
        toolExecutionNotifications: [
          { level: "error", locations: [place("sub%20dir/b.Dockerfile", { startLine: 2, endLine: 2 })] },
        ],
      },
    ]);
  });
});

test("gitlab: issues with fingerprints that lines above do not change", async () => {
  const before = JSON.parse(await format("gitlab", await files())) as { fingerprint: string }[];
  expect(before).toMatchObject([
    {
      check_name: "StageNameCasing",
      severity: "minor",
      location: { path: "app/Dockerfile", lines: { begin: 1, end: 1 } },
    },
    { check_name: "UndefinedVar", location: { lines: { begin: 2, end: 2 } } },
    { check_name: "UndefinedVar", location: { lines: { begin: 3, end: 4 } } },
    { check_name: "JSONArgsRecommended" },
    {
      check_name: "DOCKERFILE_X",
      severity: "blocker",
      location: { path: "sub dir/b.Dockerfile", lines: { begin: 2 } },
    },
  ]);
  const moved = await check({ name: "app/Dockerfile", text: `# one\n# two\n${TEXT}` });
  const after = JSON.parse(await format("gitlab", [moved])) as { fingerprint: string }[];
  expect(after.map(({ fingerprint }) => fingerprint)).toEqual(before.slice(0, 4).map(({ fingerprint }) => fingerprint));
  expect(new Set(before.map(({ fingerprint }) => fingerprint)).size).toBe(before.length);
});

test("github: a command a line, with what the runner would misread escaped", async () => {
  expect(await format("github", await files())).toMatchInlineSnapshot(`
    "::warning file=app/Dockerfile,line=1,endLine=1,col=17,endColumn=20,title=StageNameCasing::Stage name 'One' should be lowercase
    ::warning file=app/Dockerfile,line=2,endLine=2,col=8,endColumn=10,title=UndefinedVar::Usage of undefined variable '$b'
    ::warning file=app/Dockerfile,line=4,endLine=4,col=3,endColumn=8,title=UndefinedVar::Usage of undefined variable '$data'
    ::warning file=app/Dockerfile,line=5,endLine=5,title=JSONArgsRecommended::JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
    ::error file=sub dir/b.Dockerfile,line=2,endLine=2,title=DOCKERFILE_X::100%25 wrong,%0Ahere: <b>
    "
  `);
});

test("junit: a suite for each file, well-formed whatever the text", async () => {
  const xml = await format("junit", await files());
  expect(xml).toContain('<testsuite name="app/Dockerfile" tests="21" failures="3" errors="0">');
  expect(xml).toContain('<testsuite name="Dockerfile" tests="21" failures="0" errors="0">');
  expect(xml).toContain('<error type="DOCKERFILE_X" message="100% wrong,&#10;here: &lt;b&gt;"/>');
  expect(xml).toContain(
    "app/Dockerfile:2: Usage of undefined variable '$b'\napp/Dockerfile:3: Usage of undefined variable '$data'</failure>",
  );
  const nasty = await check({
    name: "a\u0001\ud800",
    text: "FROM busybox\nENV password\u0007=x\nWORKDIR <x>\u001b[31m&\n",
  });
  expect(await format("junit", [nasty])).not.toMatch(/[\u0000-\u0008\u000b-\u001f]|\p{Cs}/u);
});

test("a password in an address is in no excerpt", async () => {
  const file = await check({
    name: "Dockerfile",
    text: "FROM scratch\nADD https://me:hunter2@h.test/a /\nENV token=x\n",
  });
  for (const name of ["docker", "terminal"] as const) {
    const text = await format(name, [file]);
    expect(text).toContain("https://xxxxx:xxxxx@h.test/a");
    expect(text).not.toContain("hunter2");
  }
});
