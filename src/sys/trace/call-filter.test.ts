import { expect, test } from "vitest";
import { runProgram } from "../../../test/support/bpf.ts";
import { filterBytes, filterProgram } from "./call-filter.ts";
import { CALLS } from "./call-numbers.ts";

const NATIVE = 0xc000003e;
const I386 = 0x40000003;
const ALLOW = 0x7fff0000;
const TRACE = 0x7ff00000;
const ENOSYS = 0x00050026;

const program = filterProgram({ trace: ["chown", "openat"], refuse: ["io_uring_setup"] });

test.each([
  ["a call that is watched", CALLS.chown, NATIVE, TRACE],
  ["the last of them", CALLS.openat, NATIVE, TRACE],
  ["a way round", CALLS.io_uring_setup, NATIVE, ENOSYS],
  ["any other", 0, NATIVE, ALLOW],
  ["the same number of a 32-bit program", CALLS.chown, I386, ENOSYS],
  ["x32", CALLS.chown + 0x40000000, NATIVE, ENOSYS],
])("%s", (_, nr, arch, action) => {
  expect(runProgram(program, { number: nr, machine: arch })).toBe(action);
});

test("is 8 bytes an instruction", () => {
  const bytes = filterBytes({ trace: ["chown"], refuse: [] });
  expect(bytes.length % 8).toBe(0);
  expect([...bytes.subarray(0, 8)]).toEqual([0x20, 0, 0, 0, 4, 0, 0, 0]);
});
