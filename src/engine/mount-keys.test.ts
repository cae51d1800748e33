import { expect, test } from "vitest";
import { mountFields } from "./mount-keys.ts";
import type { StepId, StepMount } from "./types.ts";

const bind = (source: string): StepMount => {
  return { kind: "bind", from: "a" as StepId, source, target: "/m", readonly: true };
};

test("a mount means the path that it names, with its own mode, whatever its characters mean to a COPY", async () => {
  const asked: (readonly string[])[] = [];
  await mountFields(["/a/b", "/d[1]", "/s*r", "/q?", String.raw`/b\k`, "/"].map(bind), {
    generation: () => Promise.resolve("whole"),
    content: (_, { paths, withItself }) => {
      expect(withItself).toBe(true);
      asked.push(paths);
      return Promise.resolve("content");
    },
  });
  expect(asked.flat()).toEqual(["a/b", String.raw`d[\[]1]`, String.raw`s[\*]r`, String.raw`q[\?]`, String.raw`b[\\]k`]);
});
