import fc from "fast-check";
import { expect, test } from "vitest";
import { csvFields } from "./csv.ts";

test.each([
  ["", [""]],
  ["a", ["a"]],
  ["a,b", ["a", "b"]],
  [",a", ["", "a"]],
  ["a,", ["a", ""]],
  [",,", ["", "", ""]],
  ['"a,b",c', ["a,b", "c"]],
  ['"a""b"', ['a"b']],
  ['"",x', ["", "x"]],
  ['a"b', ['a"b']],
  ['"a"b,c', ['"a"b', "c"]],
  ['"a', ['"a']],
])("%j is %j", (text, fields) => {
  expect(csvFields(text)).toEqual(fields);
});

test("any fields come back from their text", () => {
  const field = fc.string({ unit: fc.constantFrom("a", ",", '"', " ", "=") });
  fc.assert(
    fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), (fields) => {
      const text = fields.map((value) => `"${value.replaceAll('"', '""')}"`).join(",");
      expect(csvFields(text)).toEqual(fields);
    }),
  );
});
