import { expect, test } from "vitest";
import { runProgram } from "../testing/run-program.ts";
import { filterBytes, filterProgram } from "./call-filter.ts";
import { ARM64 } from "./machines/arm64.ts";
import type { Machine } from "./machines/machine.ts";
import { X86_64 } from "./machines/x86-64.ts";

const I386 = 0x40000003;
const ARM = 0x40000028;
const ALLOW = 0x7fff0000;
const TRACE = 0x7ff00000;
const ENOSYS = 0x00050026;

/** What the kernel does with a call. */
function run(machine: Machine, number: number, arch = machine.audit): number | undefined {
  const program = filterProgram({ trace: ["chown", "fchownat", "openat"], refuse: ["io_uring_setup"] }, machine);
  return runProgram(program, { number, machine: arch });
}

test.each([
  ["x86-64", X86_64, I386],
  ["arm64", ARM64, ARM],
])("%s", (_, machine, sibling) => {
  const { fchownat, openat, io_uring_setup, close } = machine.calls;
  expect(run(machine, fchownat)).toBe(TRACE);
  expect(run(machine, openat)).toBe(TRACE);
  expect(run(machine, io_uring_setup)).toBe(ENOSYS);
  expect(run(machine, close)).toBe(ALLOW);
  expect(run(machine, fchownat, sibling)).toBe(ENOSYS);
  expect(run(machine, fchownat + 0x40000000)).toBe(ENOSYS);
  expect(run(machine, 0xffffffff)).toBe(ENOSYS);
});

test("a call that a machine has not is no other one", () => {
  expect(run(X86_64, 92)).toBe(TRACE);
  expect(run(ARM64, 92)).toBe(ALLOW);
});

test("is 8 bytes an instruction", () => {
  const bytes = filterBytes({ trace: ["chown"], refuse: [] }, X86_64);
  expect(bytes.length % 8).toBe(0);
  expect([...bytes.subarray(0, 8)]).toEqual([0x20, 0, 0, 0, 4, 0, 0, 0]);
});
