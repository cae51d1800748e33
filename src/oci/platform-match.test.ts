import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { matchPlatform } from "./platform-match.ts";
import { parsePlatform } from "./platform.ts";

const rows = readFileSync(new URL("platform-match.table.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [wanted = "", rest = ""] = line.split(" > ");
    const [served = "", refused = ""] = rest.split(" ! ");
    return { wanted, served: served.split(" "), refused: refused.split(" ") };
  });

test.each(rows)("$wanted takes $served", ({ wanted, served, refused }) => {
  const matcher = matchPlatform(parsePlatform(wanted));
  for (const text of served) expect(matcher.matches(parsePlatform(text)), text).toBe(true);
  for (const text of refused) expect(matcher.matches(parsePlatform(text)), text).toBe(false);
  const sort = (texts: readonly string[]): string[] =>
    [...texts].sort((a, b) => matcher.compare(parsePlatform(a), parsePlatform(b)));
  expect(sort([...refused, ...served.toReversed()]).slice(0, served.length)).toEqual(served);
});

test("a candidate is normalised before it is compared", () => {
  const matcher = matchPlatform({ os: "linux", architecture: "arm64", variant: "v8" });
  expect(matcher.matches({ os: "Linux", architecture: "aarch64", variant: "8" })).toBe(true);
  expect(matcher.matches({ os: "linux", architecture: "arm" })).toBe(true);
  expect(matcher.matches({ os: "unknown", architecture: "unknown" })).toBe(false);
  expect(matcher.matches({ os: "linux", architecture: "" })).toBe(false);
});

test("an unknown arm64 variant matches itself alone", () => {
  const matcher = matchPlatform(parsePlatform("linux/arm64/v10"));
  expect(matcher.matches(parsePlatform("linux/arm64/v10"))).toBe(true);
  expect(matcher.matches(parsePlatform("linux/arm64"))).toBe(false);
});

test("huge versions in a variant cost nothing", () => {
  const wanted = { os: "linux", architecture: "amd64", variant: "v99999999999" };
  expect(matchPlatform(wanted).matches(parsePlatform("linux/386"))).toBe(true);
});

test("comparing is antisymmetric, and what matches comes before what does not", () => {
  const texts = rows.flatMap(({ wanted, served, refused }) => [wanted, ...served, ...refused]);
  const platform = fc.constantFrom(...texts).map((text) => parsePlatform(text));
  fc.assert(
    fc.property(platform, platform, platform, (wanted, a, b) => {
      const matcher = matchPlatform(wanted);
      expect(Math.sign(matcher.compare(a, b)) + Math.sign(matcher.compare(b, a))).toBe(0);
      if (matcher.matches(a) && !matcher.matches(b)) expect(matcher.compare(a, b)).toBeLessThan(0);
    }),
  );
});
