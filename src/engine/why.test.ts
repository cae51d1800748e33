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
  [
    "variables",
    { fields: [["environment", ["PATH=/bin", "VERSION=1=", "OLD=x"]]] } as Slot,
    { fields: [["environment", ["PATH=/bin", "VERSION=1=2", "NEW=y"]]] } as Slot,
    "environment changed: VERSION, NEW, OLD",
  ],
  [
    "the order of variables",
    { fields: [["environment", ["A=1", "B=2"]]] } as Slot,
    { fields: [["environment", ["B=2", "A=1"]]] } as Slot,
    "environment changed",
  ],
])("%s", (_, old, now, reason) => {
  expect(explainMiss(old, now, "it lacks something")).toBe(reason);
});
