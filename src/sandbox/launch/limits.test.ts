import { expect, test } from "vitest";
import { launchLimits } from "./limits.ts";

test("limits by the kernel's numbers, -1 as its infinity; that of locks is not for a RUN", () => {
  expect(
    launchLimits([
      { type: "nofile", soft: 512, hard: 700 },
      { type: "core", soft: -1, hard: -1 },
      { type: "locks", soft: 1, hard: 1 },
    ]),
  ).toEqual([
    { limit: 7, soft: "512", hard: "700" },
    { limit: 4, soft: "18446744073709551615", hard: "18446744073709551615" },
  ]);
  expect(launchLimits()).toEqual([]);
});
