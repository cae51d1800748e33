import { expect, test } from "vitest";
import { TokenCache } from "./token-cache.ts";

test("a token serves every subset of what it was asked for, at its host", () => {
  const cache = new TokenCache(() => 0);
  cache.add("a", ["x:pull", "x:push"], { token: "t", lifetimeMs: 60_000 });
  expect(cache.find("a", ["x:pull"])).toBe("t");
  expect(cache.find("a", ["x:push", "x:pull"])).toBe("t");
  expect(cache.find("a", ["x:pull", "y:pull"])).toBeUndefined();
  expect(cache.find("b", ["x:pull"])).toBeUndefined();
});

test("a token is not used in the last tenth of its life", () => {
  let now = 1e9;
  const cache = new TokenCache(() => now);
  cache.add("a", ["p"], { token: "t", lifetimeMs: 60_000 });
  now += 53_999;
  expect(cache.find("a", ["p"])).toBe("t");
  now += 1;
  expect(cache.find("a", ["p"])).toBeUndefined();
});

test("a token that was refused is forgotten", () => {
  const cache = new TokenCache(() => 0);
  cache.add("a", ["p"], { token: "t", lifetimeMs: 60_000 });
  cache.remove("a", "t");
  expect(cache.find("a", ["p"])).toBeUndefined();
});
