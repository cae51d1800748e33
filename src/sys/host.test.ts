import { expect, test } from "vitest";
import { bootId, currentUser, parseSubordinateIds, processorCount, subordinateIds } from "./host.ts";

test("subordinate ids by name and by uid, in order", () => {
  const text =
    "alice:100000:65536\n1000:300000:1000\nbob:165536:65536\n\n# alice:1:1\nalice:x:1\nalice:500000:0\nalice:600000:5 \n";
  expect(parseSubordinateIds(text, { uid: 1000, name: "alice" })).toEqual([
    { start: 100000, count: 65536 },
    { start: 300000, count: 1000 },
    { start: 600000, count: 5 },
  ]);
  expect(parseSubordinateIds(text, { uid: 7, name: undefined })).toEqual([]);
});

test("a user without ranges has none", () => {
  expect(subordinateIds("/etc/subuid", { uid: 4_000_000, name: "no such user" })).toEqual([]);
});

test("this machine", () => {
  expect(bootId()).toMatch(/^[0-9a-f-]{36}$/);
  expect(processorCount()).toBeGreaterThanOrEqual(1);
  expect(currentUser().uid).toBe(process.getuid?.());
});
