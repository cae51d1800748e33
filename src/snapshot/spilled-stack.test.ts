import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SpilledStack } from "./spilled-stack.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stack-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("is a stack, whatever is pushed and however far it grows", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.nat(5).map((n) => `\n${"x".repeat(n * 30_000)}`),
  );
  const step = fc.oneof(text, fc.nat(4));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const stack = new SpilledStack<string>(join(directory, "spill"));
      const model: string[] = [];
      for (const one of steps) {
        if (typeof one === "string") {
          stack.push(one);
          model.push(one);
        } else for (let i = 0; i < one; i++) expect(stack.pop()).toBe(model.pop());
        expect(stack.isEmpty).toBe(model.length === 0);
      }
      while (model.length > 0) expect(stack.pop()).toBe(model.pop());
      expect(stack.pop()).toBeUndefined();
      stack.close();
    }),
    { numRuns: 30 },
  );
});

test("all but its newest is on the disk, in a file that has no name and goes with it", () => {
  const stack = new SpilledStack<{ path: string }>(join(directory, "spill"));
  let letters = 0;
  for (let i = 0; i < 50_000; i++) {
    stack.push({ path: `some/directory/of/a/tree/file-${i}` });
    letters += JSON.stringify({ path: `some/directory/of/a/tree/file-${i}` }).length;
  }
  expect(existsSync(join(directory, "spill"))).toBe(false);
  expect(spilled()).toHaveLength(1);
  expect(spilled()[0]).toBeGreaterThan(letters - 256 * 1024);
  for (let i = 49_999; i >= 0; i--) expect(stack.pop()).toEqual({ path: `some/directory/of/a/tree/file-${i}` });
  stack.close();
  stack.close();
  expect(spilled()).toEqual([]);
});

/** Sizes of open files that had a name here. */
function spilled(): readonly number[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    const path = `/proc/self/fd/${fd}`;
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && readlinkSync(path).startsWith(directory) ? [found.size] : [];
  });
}
