import { expect, test } from "vitest";
import { formatScope, mergeScopes, parseScopes, permissionsOf, pullScope, pushScope } from "./scope.ts";

test("scopes are read as servers write them", () => {
  expect(parseScopes("repository:a/b:pull,push repository:host:5000/c:pull  registry:catalog:*")).toEqual([
    { type: "repository", name: "a/b", actions: ["pull", "push"] },
    { type: "repository", name: "host:5000/c", actions: ["pull"] },
    { type: "registry", name: "catalog", actions: ["*"] },
  ]);
  expect(parseScopes("")).toEqual([]);
  expect(parseScopes("nonsense a:b")).toEqual([]);
});

test("merging keeps the order and joins actions", () => {
  const merged = mergeScopes(
    [pullScope("a"), pullScope("src")],
    parseScopes("repository:a:pull,push repository:z:pull"),
  );
  expect(merged.map(formatScope)).toEqual(["repository:a:pull,push", "repository:src:pull", "repository:z:pull"]);
});

test("permissions tell each action", () => {
  expect(permissionsOf([pushScope("a"), pullScope("b")])).toEqual([
    "repository:a:pull",
    "repository:a:push",
    "repository:b:pull",
  ]);
});
