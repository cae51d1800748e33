import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytewise, formatBytes } from "./bytes.ts";

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [1234, "1.2 kB"],
  [123_456, "123 kB"],
  [5_242_880, "5.2 MB"],
  [3.5e15, "3500 TB"],
])("%i bytes are shown as %s", (count, shown) => {
  expect(formatBytes(count)).toBe(shown);
});

test("texts are ordered as their UTF-8 bytes are", () => {
  const unit = fc.constantFrom("a", "z", "\u00e9", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}");
  const text = fc.array(unit, { maxLength: 4 }).map((units) => units.join(""));
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareBytewise(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
    { numRuns: 500 },
  );
});
