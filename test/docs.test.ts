import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const DOCS = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".md"),
);
const PAGES = ["README.md", "ARCHITECTURE.md", ...DOCS.map((name) => `docs/${name}`)];
const text = (page: string): string => readFileSync(join(ROOT, page), "utf8");

/** Commands of the pages, without prompt and comment; one that is cut short with dots is no command. */
const COMMANDS = PAGES.flatMap((page) =>
  [...text(page).matchAll(/^(?:\$ )?(manyarch (?:build|plan|lint) [^#\n]*|\.\/dev \w+[^#\n]*)/gm)].map((match) =>
    (match[1] ?? "").trim(),
  ),
).filter((command) => !command.includes("..."));

test("there are commands to try", () => {
  expect(COMMANDS.length).toBeGreaterThan(3);
});

test.each(COMMANDS.filter((command) => command.startsWith("manyarch")))("%s is understood", (command) => {
  const args = command.split(/\s+/).slice(1, -1);
  const result = spawnSync(join(ROOT, "bin/manyarch"), [...args, "/nowhere/Dockerfile"], { encoding: "utf8" });
  // Every flag is known and means something: what is missing is the context, which is not there.
  expect(result.stderr).toMatch(/error\[(?:CONTEXT|DOCKERFILE)_NOT_FOUND\]/);
});

test.each(COMMANDS.filter((command) => command.startsWith("./dev")))("%s is a command of ./dev", (command) => {
  const usage = spawnSync(join(ROOT, "dev"), ["help"], { encoding: "utf8" }).stdout;
  expect(usage).toContain(command.split(/\s+/).slice(0, 2).join(" "));
});

test.each(PAGES)("links of %s lead somewhere", (page) => {
  for (const [, target = ""] of text(page).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
    expect([target, existsSync(join(ROOT, dirname(page), target))]).toEqual([target, true]);
  }
});

const FLAG = /--([a-z][a-z-]+)/g;

test.each(["build", "plan", "lint"])("flags of the page about %s are flags of the command line", (command) => {
  const help = spawnSync(join(ROOT, "bin/manyarch"), [command, "--help"], { encoding: "utf8" }).stdout;
  const known = new Set([...help.matchAll(FLAG)].map(([, flag]) => flag));
  for (const [, flag] of text(`docs/${command}.md`).matchAll(new RegExp(`\`${FLAG.source}`, "g")))
    expect(known).toContain(flag);
});

test("every flag of build, shown or taken for docker's sake, is on some page", () => {
  const help = spawnSync(join(ROOT, "bin/manyarch"), ["build", "--helpAll"], { encoding: "utf8" }).stdout;
  const flags = [...help.matchAll(/^ {2}(-\w|  ) \[(--[a-z-]+)\]/gm)].map(([, short = "", long = ""]) => [short, long]);
  expect(flags.length).toBeGreaterThan(50);
  const told = new Set(PAGES.flatMap((page) => text(page).match(/(?<![\w-])-{1,2}[a-z][a-z-]*/g) ?? []));
  expect(flags.filter((names) => !names.some((name) => told.has(name)))).toEqual([]);
});
