import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compileMatcher } from "./match.ts";
import type { Match } from "./match.ts";

const TABLE = "../shared/conformance/ignore/matches.json";

interface Case {
  readonly patterns: readonly string[];
  readonly path: string;
  readonly match: boolean;
}

function matched(patterns: readonly string[], path: string): boolean {
  return compileMatcher(patterns).match(path).matched;
}

/** Asked as a walk asks: each directory on the way first. */
function walked(patterns: readonly string[], path: string): Match {
  const matcher = compileMatcher(patterns);
  const parts = path.split("/");
  let match: Match | undefined;
  for (let i = 1; i <= parts.length; i++) match = matcher.match(parts.slice(0, i).join("/"), match);
  return match!;
}

if (!existsSync(TABLE)) console.warn(`skipped: ${TABLE} is not here`);
test.skipIf(!existsSync(TABLE))("moby's table of matches", () => {
  const cases = JSON.parse(readFileSync(TABLE, "utf8")) as Case[];
  const wrong = cases.filter(({ patterns, path, match }) => matched(patterns, path) !== match);
  expect(wrong).toEqual([]);
  expect(cases.length).toBeGreaterThan(70);
});

test.each([
  ["a parent that matches takes its children along", ["vendor"], "vendor/a/b.go", true],
  ["an exception brings one of them back", ["vendor", "!vendor/a"], "vendor/a/b.go", false],
  ["a later pattern takes it away again", ["vendor", "!vendor/a", "vendor/a/b.go"], "vendor/a/b.go", true],
  ["a star stays within its directory", ["*.go"], "cmd/main.go", false],
  ["two stars do not", ["**/*.go"], "cmd/main.go", true],
  ["characters count, not bytes", ["?.txt"], Buffer.from("é.txt").toString("latin1"), true],
  ["a name that is no UTF-8 has one character a byte", ["?.txt"], "\xff.txt", true],
  ["text matches the bytes of a name", ["größe/*"], Buffer.from("größe/x").toString("latin1"), true],
  ["an escaped star is a star", ["a\\*"], "ab", false],
  ["an escaped star is a star", ["a\\*"], "a*", true],
  ["patterns are cleaned", ["./a//b/../c/"], "a/c", true],
])("%s: %j %s", (_, patterns, path, expected) => {
  expect(matched(patterns, path)).toBe(expected);
  expect(walked(patterns, path).matched).toBe(expected);
});

test("a pattern that could change nothing at a directory is not known to match it, below neither (as in moby)", () => {
  const patterns = ["a", "!a/b", "a"];
  expect([walked(patterns, "a/b").matched, matched(patterns, "a/b")]).toEqual([false, true]);
});

test.each([[["["]], [["a[]b"]], [["a[-x]"]], [["a\\"]], [["!"]]])("%j is refused", (patterns) => {
  expect(() => compileMatcher(patterns)).toThrow(expect.objectContaining({ code: "IGNORE_PATTERN_INVALID" }));
});

test.each([
  [["node_modules"], "node_modules", true],
  [["node_modules", "!node_modules/keep"], "node_modules", false],
  [["!node_modules/keep", "node_modules"], "node_modules", true],
  [["**", "!*.go"], "cmd", true],
  [["**", "!**/*.go"], "cmd", false],
  [["**", "!cmd/**"], "cmd", false],
  [["**", "!cmd/**"], "docs", true],
  [["*.md"], "docs", false],
])("%j lets the directory %s be left out: %s", (patterns, directory, expected) => {
  const matcher = compileMatcher(patterns);
  expect(matcher.prunes(directory, matcher.match(directory))).toBe(expected);
});

const segment = fc.stringMatching(/^[ab]{1,2}$/);
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const piece = fc.constantFrom("a", "b", "*", "?", "**", "[ab]", "[^a]", "a*", "**b", "a**");
const pattern = fc
  .tuple(fc.constantFrom("", "", "!"), fc.array(piece, { minLength: 1, maxLength: 4 }))
  .map(([bang, parts]) => bang + parts.join("/"));
const patterns = fc.array(pattern, { maxLength: 5 });

test("one pattern matches what moby's regular expression of it matches", () => {
  fc.assert(
    fc.property(
      pattern.filter((text) => !text.startsWith("!")),
      path,
      (text, name) => {
        const parents = name.split("/").map((_, i, all) => all.slice(0, i + 1).join("/"));
        expect(matched([text], name)).toBe(parents.some((parent) => mobyMatch(text, parent)));
      },
    ),
    { numRuns: 1000 },
  );
});

test("nothing below a pruned directory is unmatched", () => {
  fc.assert(
    fc.property(patterns, path, path, (list, directory, below) => {
      const matcher = compileMatcher(list);
      if (!matcher.prunes(directory, walked(list, directory))) return;
      expect(walked(list, `${directory}/${below}`).matched).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test("a walk and a question about one path agree where no pattern is an exception", () => {
  fc.assert(
    fc.property(
      fc.array(
        pattern.map((text) => text.replace(/^!/, "")),
        { maxLength: 5 },
      ),
      path,
      (list, name) => {
        expect(walked(list, name).matched).toBe(matched(list, name));
      },
    ),
  );
});

test("a pattern full of stars takes no time", () => {
  const name = `${"a".repeat(4000)}/${"a".repeat(4000)}`;
  const started = performance.now();
  expect(matched([`${"*a".repeat(20)}b`, `${"**/a*".repeat(20)}b`], name)).toBe(false);
  expect(performance.now() - started).toBeLessThan(2000);
});

/** The translation of patternmatcher.go, with the one form it compares otherwise: `**` and then only text. */
function mobyMatch(text: string, name: string): boolean {
  if (text.startsWith("**") && !/[*?[]/.test(text.slice(2))) {
    return name.endsWith(text.slice(2)) || `/${name}` === text.slice(2);
  }
  const source = text.replaceAll(/\*\*\/?$|\*\*\/?|\*|\?/g, (wild, at: number) => {
    if (!wild.startsWith("**")) return wild === "*" ? "[^/]*" : "[^/]";
    return at + wild.length === text.length ? ".*" : "(.*/)?";
  });
  return new RegExp(`^${source}$`).test(name);
}
