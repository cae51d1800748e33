import fc from "fast-check";
import { expect, test } from "vitest";
import { compileGlob, hasWildcard, literalPath, literalPattern } from "./glob.ts";

// Go's path/filepath/match_test.go, where it concerns one component.
test.each([
  ["abc", "abc", true],
  ["*", "abc", true],
  ["*c", "abc", true],
  ["a*", "a", true],
  ["a*", "abc", true],
  ["a*b*c*d*e*", "axbxcxdxexxx", true],
  ["a*b*c*d*e*f", "axbxcxdxexxxf", true],
  ["a*b?c*x", "abxbbxdbxebxczzx", true],
  ["a*b?c*x", "abxbbxdbxebxczzy", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^b-d]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["a?b", "a\xe2\x98\xbab", true],
  ["a[^a]b", "a\xe2\x98\xbab", true],
  ["a???b", "a\xe2\x98\xbab", false],
  ["a[^a][^a][^a]b", "a\xe2\x98\xbab", false],
  ["[a-\xce\xb6]*", "\xce\xb1", true],
  ["*[a-\xce\xb6]", "A", false],
  ["[\\]a]", "]", true],
  ["[\\-]", "-", true],
  ["[x\\-]", "x", true],
  ["[x\\-]", "-", true],
  ["[x\\-]", "z", false],
  ["[\\-x]", "a", false],
  ["*x", "xxx", true],
  ["?", "\xff", true],
])("%s on %s is %s", (pattern, name, expected) => {
  expect(compileGlob(pattern)(name)).toBe(expected);
});

test.each(["[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\"])("%s is no pattern", (pattern) => {
  expect(() => compileGlob(pattern)).toThrow(expect.objectContaining({ code: "COPY_PATTERN_INVALID" }));
});

test("a backslash hides a wildcard from the question whether there is one", () => {
  expect(["a*", "?", "x[y", "\\\\*"].map(hasWildcard)).toEqual([true, true, true, true]);
  expect(["a", "\\*", "a\\[b", ""].map(hasWildcard)).toEqual([false, false, false, false]);
});

test("a path as a pattern means it and nothing else", () => {
  const name = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "[", "]", "\\", "^", "-"), minLength: 1 });
  fc.assert(
    fc.property(name, name, (path, other) => {
      expect(compileGlob(literalPattern(path))(other)).toBe(path === other);
      expect(literalPath(literalPattern(path))).toBe(path);
    }),
  );
  expect(["a*", "[ab]", "a\\*", "[^a]", "[[]"].map(literalPath)).toEqual(Array(5).fill(undefined));
});
