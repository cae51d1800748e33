import { describe, expect, test } from "vitest";
import { parsePlatform } from "../../../oci/platform.ts";
import { planBuild } from "../to-graph/plan.ts";
import { Images } from "../to-graph/plan-fixture.ts";
import { Linter } from "./linter.ts";
import { comparable, readCases } from "./cases.ts";
import type { LintCase } from "./cases.ts";
import { RULES } from "./rules.ts";

const CASES = readCases();

/** As the test bed's. */
const IMAGES = {
  "golang:1.26-bookworm": { config: { Env: ["PATH=/bin", "GOPATH=/go"], WorkingDir: "/go" } },
};

describe("BuildKit's checks", () => {
  test.each(CASES)("$title", async (lintCase) => {
    const linter = new Linter();
    const error = await check(lintCase, linter).then(
      () => undefined,
      (cause: Error) => cause,
    );
    const found = linter.findings.map(({ rule, message, source: { start, end } }) => ({
      lines: end.line - 1 > start.line ? `${start.line}-${end.line - 1}` : `${start.line}`,
      rule: rule.name,
      message,
    }));
    const both = comparable(lintCase, found);
    expect(both.found).toEqual(both.expected);
    expect(error === undefined ? "" : `fails: ${error.message}`).toMatch(lintCase.fails ? /^fails/ : /^$/);
  });

  test("every rule has a case", () => {
    const found = new Set(CASES.flatMap(({ findings }) => findings.map(({ rule }) => rule)));
    const missing = RULES.map(({ name }) => name).filter((name) => !found.has(name));
    // Its case needs an image for one platform: to-graph/config.test.ts.
    expect(missing).toEqual(["InvalidBaseImagePlatform"]);
  });
});

function check({ dockerfile, ignore, buildArgs, target }: LintCase, linter: Linter): Promise<unknown> {
  const platform = parsePlatform("linux/amd64");
  return planBuild(
    {
      dockerfile: { name: "Dockerfile", text: dockerfile },
      target,
      allStages: target === undefined,
      platforms: [platform],
      buildPlatform: platform,
      buildArgs,
      labels: {},
      contextDirectory: "/src",
      ignore,
      signal: new AbortController().signal,
    },
    new Images(IMAGES),
    linter,
  );
}
