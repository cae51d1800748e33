import fc from "fast-check";
import { expect, test } from "vitest";
import { displayWidth, truncate } from "./width.ts";

test.each([
  ["", 0],
  ["abc", 3],
  ["é", 1],
  ["e\u0301", 1],
  ["你好", 4],
  ["한글", 4],
  ["ｗ", 2],
  ["😀", 2],
  ["✓ │ ⠋", 5],
  ["\x1b[31mred\x1b[0m", 3],
])("%j takes %i columns", (text, columns) => {
  expect(displayWidth(text)).toBe(columns);
});

test("text is cut with an ellipsis, colours are closed", () => {
  expect(truncate("abcdef", 6)).toBe("abcdef");
  expect(truncate("abcdef", 5)).toBe("abcd…");
  expect(truncate("abcdef", 1)).toBe("…");
  expect(truncate("abcdef", 0)).toBe("");
  expect(truncate("你好吗", 4)).toBe("你…");
  expect(truncate("\x1b[31mabcdef\x1b[0m", 3)).toBe("\x1b[31mab…\x1b[0m");
});

test("what is cut fits, what fits is not cut", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "你", "😀", "e\u0301", "\x1b[1m", " ") });
  fc.assert(
    fc.property(text, fc.nat(20), (value, columns) => {
      const cut = truncate(value, columns);
      expect(displayWidth(cut)).toBeLessThanOrEqual(columns);
      if (displayWidth(value) <= columns) expect(cut).toBe(value);
    }),
  );
});
