import fc from "fast-check";
import { expect, test } from "vitest";
import { stepKey, type KeyField } from "./keys.ts";

const field = fc.tuple(fc.string(), fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 4 })));
const fields = fc.array(field, { maxLength: 6 }) as fc.Arbitrary<KeyField[]>;

test("different fields give different keys, equal ones equal keys", () => {
  fc.assert(
    fc.property(fc.string(), fields, fc.string(), fields, (kindA, a, kindB, b) => {
      const equal = JSON.stringify([kindA, a]) === JSON.stringify([kindB, b]);
      expect(stepKey(kindA, a) === stepKey(kindB, b)).toBe(equal);
    }),
  );
});

test("fields do not run into each other", () => {
  expect(
    stepKey("run", [
      ["a", "b"],
      ["c", "d"],
    ]),
  ).not.toBe(
    stepKey("run", [
      ["a", "bc"],
      ["", "d"],
    ]),
  );
  expect(stepKey("run", [["a", ["b", "c"]]])).not.toBe(stepKey("run", [["a", ["bc"]]]));
  expect(stepKey("run", [["a", ["b"]]])).not.toBe(stepKey("run", [["a", "b"]]));
  expect(
    stepKey("run", [
      ["a", ["b"]],
      ["c", "d"],
    ]),
  ).not.toBe(stepKey("run", [["a", ["b", "c", "d"]]]));
});
