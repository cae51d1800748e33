import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Linter } from "../src/frontend/dockerfile/lint/linter.ts";
import { pageOf } from "../src/frontend/dockerfile/lint/rule.ts";
import { RULES } from "../src/frontend/dockerfile/lint/rules.ts";
import { Images } from "../src/frontend/dockerfile/to-graph/plan-fixture.ts";
import { planBuild } from "../src/frontend/dockerfile/to-graph/plan.ts";
import { parseIgnoreFile } from "../src/frontend/ignore/parse.ts";
import { parsePlatform } from "../src/oci/platform.ts";

const ROOT = join(import.meta.dirname, "..");
const IMAGES = { "example.com/only-arm64:latest": { architecture: "arm64" } };

test("every rule has a page, and every page a rule", () => {
  const pages = readdirSync(join(ROOT, "docs/rules")).map((name) => `docs/rules/${name}`);
  expect(pages.sort()).toEqual(RULES.map(pageOf).sort());
});

test("names, descriptions and addresses are of one form", () => {
  expect(RULES).toHaveLength(22);
  expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
  for (const { name, url, description, hint } of RULES) {
    const page = name.replaceAll(/(?<=.)(?:(?<=[a-z])[A-Z]|[A-Z](?=[a-z]))/g, (letter) => `-${letter}`).toLowerCase();
    const expected = `https://docs.docker.com/go/dockerfile/rule/${page}/`;
    expect([name, url]).toEqual([name, name === "InvalidBaseImagePlatform" ? "" : expected]);
    expect(description).not.toBe("");
    expect(hint).toMatch(/^[A-Z].*\.$/);
  }
});

describe.each(RULES)("the page of $name", (rule) => {
  const page = existsSync(join(ROOT, pageOf(rule))) ? readFileSync(join(ROOT, pageOf(rule)), "utf8") : "";
  const ignore = /```text\n([\s\S]*?)```/.exec(page)?.[1] ?? "";

  test("is about it", () => expect(page.startsWith(`# ${rule.name}\n`)).toBe(true));

  test.each(examples(page, "Bad"))(
    "has a bad example in which it finds something, and nothing else is found",
    async (text) => {
      expect([...new Set(await findings(text, ignore))]).toEqual([rule.name]);
    },
  );

  test.each(examples(page, "Good"))("has a good example in which nothing is found", async (text) => {
    expect(await findings(text, ignore)).toEqual([]);
  });
});

/** At least one: a page without examples fails on an empty Dockerfile. */
function examples(page: string, title: string): readonly string[] {
  const section = new RegExp(`^## ${title}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, "m").exec(page)?.[1] ?? "";
  const blocks = [...section.matchAll(/```Dockerfile\n([\s\S]*?)```/g)].map(([, text = ""]) => text);
  return blocks.length > 0 ? blocks : [""];
}

async function findings(text: string, ignore: string): Promise<readonly string[]> {
  const linter = new Linter();
  const platform = parsePlatform("linux/amd64");
  const request = {
    dockerfile: { name: "Dockerfile", text },
    allStages: true,
    platforms: [platform],
    buildPlatform: platform,
    // What the page of InvalidDefaultArgInFrom leaves to the command line.
    buildArgs: { TAG: "latest" },
    labels: {},
    contextDirectory: "/src",
    ignore: parseIgnoreFile({ name: ".dockerignore", text: ignore }),
    signal: new AbortController().signal,
  };
  await planBuild(request, new Images(IMAGES), linter);
  return linter.findings.map(({ rule }) => rule.name);
}
