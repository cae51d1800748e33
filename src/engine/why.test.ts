import { expect, test } from "vitest";
import { explainMiss, type Slot } from "./why.ts";

const before: Slot = {
  fields: [
    ["parent", "p1"],
    ["content", "c1"],
    ["owner", ""],
  ],
  files: { "main.go": "1", "old.go": "2" },
};

test.each([
  ["first build", undefined, before, "not built here before"],
  ["nothing changed", before, before, "it lacks something"],
  [
    "parent alone",
    before,
    {
      ...before,
      fields: [
        ["parent", "p2"],
        ["content", "c1"],
        ["owner", ""],
      ],
    } as Slot,
    "a step before it changed",
  ],
  [
    "files",
    before,
    {
      fields: [
        ["parent", "p2"],
        ["content", "c2"],
        ["owner", ""],
      ],
      files: { "main.go": "9", "go.sum": "3" },
    } as Slot,
    "content changed: main.go (content), go.sum (added), old.go (removed)",
  ],
  [
    "too many files to list",
    before,
    {
      fields: [
        ["parent", "p1"],
        ["content", "c2"],
        ["owner", "1000"],
      ],
    } as Slot,
    "content changed, owner changed",
  ],
])("%s", (_, old, now, reason) => {
  expect(explainMiss(old, now, "it lacks something")).toBe(reason);
});
