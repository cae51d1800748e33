import { expect, test } from "vitest";
import { ATTRIBUTE_CALLS } from "./attribute-calls.ts";

test("attributes are watched by whichever call they are reached", () => {
  const names = ["get", "list", "set", "remove"].flatMap((verb) => ["", "l", "f"].map((kind) => `${kind}${verb}xattr`));
  expect(Object.keys(ATTRIBUTE_CALLS).sort()).toEqual(names.sort());
});
