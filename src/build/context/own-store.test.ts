import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { compileMatcher } from "../../snapshot/match.ts";
import { withoutStore } from "./own-store.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "own-store-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function made(...path: readonly string[]): string {
  const made = join(directory, ...path);
  mkdirSync(made, { recursive: true });
  return made;
}

test.each([
  ["cache/store", []],
  ["cache/store", ["*", "!cache"]],
  ["!odd [a]*?\\", []],
])("a store at %j of a context that ignores %j is left out last", (path, ignore) => {
  const matcher = compileMatcher(withoutStore(made("context"), ignore, made("context", path)));
  for (const inside of [path, `${path}/records.db`]) {
    expect(isLeftOut(matcher, inside)).toBe(true);
  }
  expect(isLeftOut(compileMatcher(withoutStore(made("context"), [], made("context", path))), "other")).toBe(false);
});

test("through links on either way", () => {
  const store = made("context", "store");
  symlinkSync(join(directory, "context"), join(directory, "link"));
  expect(withoutStore(join(directory, "link"), ["a"], store)).toEqual(["a", "store"]);
  expect(withoutStore(join(directory, "context"), ["a"], join(directory, "link/store"))).toEqual(["a", "store"]);
});

test("a store elsewhere leaves the patterns as they are", () => {
  const ignore = ["a"];
  expect(withoutStore(made("context"), ignore, made("store"))).toBe(ignore);
  expect(withoutStore(made("context"), ignore, made("context..store"))).toBe(ignore);
  expect(withoutStore(made("store", "context"), ignore, made("store"))).toBe(ignore);
});

function isLeftOut(matcher: ReturnType<typeof compileMatcher>, path: string): boolean {
  const slash = path.lastIndexOf("/");
  return matcher.match(path, slash < 0 ? undefined : matcher.match(path.slice(0, slash))).matched;
}
