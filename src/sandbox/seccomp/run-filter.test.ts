import { expect, test } from "vitest";
import { RUN_CAPABILITIES } from "../capabilities.ts";
import { mayFilter, runFilter } from "./run-filter.ts";

test.each([
  ["root", "CapPrm:\t000001ffffffffff\nSeccomp:\t0\n", true],
  ["root in a container", "CapPrm:\t00000000a80425fb\nSeccomp:\t2\n", false],
  ["on a kernel without filters", "CapPrm:\t000001ffffffffff\n", false],
])("%s", (_, status, may) => {
  expect(mayFilter(status)).toBe(may);
});

test("is compiled once", () => {
  const filter = runFilter("amd64", RUN_CAPABILITIES);
  expect(filter()).toMatch(/^[A-Za-z0-9+/]{1000,}/);
  expect(filter()).toBe(filter());
  expect(runFilter("alpha", RUN_CAPABILITIES)()).toBeUndefined();
});
