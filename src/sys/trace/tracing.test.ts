import fc from "fast-check";
import { expect, test } from "vitest";
import { getLong, putLong } from "./kernel.ts";
import type { Kernel } from "./kernel.ts";
import { ARM64 } from "./machines/arm64.ts";
import type { Machine } from "./machines/machine.ts";
import { X86_64 } from "./machines/x86-64.ts";
import { AREA_BYTES, inject, openTracing } from "./tracing.ts";

const ADDRESS = 0x7f00_0000_0000;
const TID = 42;
const NT_PRSTATUS = 1;
const [GETREGSET, SETREGSET] = [0x4204, 0x4205];
const STOPPED = (5 << 8) | 0x7f;

/** A stopped thread, as far as ptrace(2) shows it. `onResume` plays what it does until it stops again. */
class Thread {
  readonly registers: Buffer;
  readonly sets: (readonly [set: number, value: number])[] = [];
  readonly kernel: Kernel;
  onResume: () => void = () => {};

  constructor(machine: Machine) {
    this.registers = Buffer.alloc(machine.registers.bytes);
    const memory = Buffer.alloc(AREA_BYTES);
    this.kernel = { machine, memory, address: ADDRESS, call: (nr, ...args) => this.#call(nr, args as number[]) };
  }

  #call(nr: number, [request = 0, where = 0, set = 0, data = 0]: readonly number[]): number {
    const { machine, memory } = this.kernel;
    if (nr === machine.calls.wait4) {
      memory.writeInt32LE(STOPPED, where - ADDRESS);
      return TID;
    }
    if (request !== GETREGSET && request !== SETREGSET) return (this.onResume(), 0);
    const vector = data - ADDRESS;
    const [at, bytes] = [getLong(memory, vector) - ADDRESS, getLong(memory, vector + 8)];
    if (set !== NT_PRSTATUS) this.sets.push([set, memory.readInt32LE(at)]);
    else if (request === GETREGSET) this.registers.copy(memory, at, 0, bytes);
    else memory.copy(this.registers, 0, at, at + bytes);
    return 0;
  }
}

const MACHINES = [
  ["x86-64", X86_64],
  ["arm64", ARM64],
] as const;

test.each(MACHINES)("registers of %s are read and written as they are", (_, machine) => {
  const { arguments: places, bytes } = machine.registers;
  const value = fc.oneof(fc.nat(2 ** 31 - 1), fc.integer({ min: -(2 ** 31), max: -1 }), fc.maxSafeNat());
  fc.assert(
    fc.property(fc.uint8Array({ minLength: bytes, maxLength: bytes }), fc.nat(5), value, (content, index, wanted) => {
      const thread = new Thread(machine);
      thread.registers.set(content);
      const tracing = openTracing(thread.kernel);
      tracing.readRegisters(TID);
      tracing.setRegister(places[index] ?? 0, wanted);
      tracing.writeRegisters(TID);
      tracing.readRegisters(TID);
      expect(tracing.register(places[index] ?? 0)).toBe(wanted);
      const others = [...content.keys()].filter((at) => at < (places[index] ?? 0) || at >= (places[index] ?? 0) + 8);
      expect(others.every((at) => thread.registers[at] === content[at])).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("a call becomes none where the machine has its number", () => {
  const [x86, arm] = [new Thread(X86_64), new Thread(ARM64)];
  for (const { kernel } of [x86, arm]) {
    const tracing = openTracing(kernel);
    tracing.readRegisters(TID);
    tracing.setCall(TID, -1);
    tracing.writeRegisters(TID);
  }
  expect([x86.registers.readBigInt64LE(120), x86.sets]).toEqual([-1n, []]);
  expect([arm.registers.readBigInt64LE(64), arm.sets]).toEqual([0n, [[0x404, -1]]]);
});

test.each(MACHINES)("a program of %s makes a call on our behalf and then its own", (_, machine) => {
  const { registers, calls } = machine;
  const thread = new Thread(machine);
  const put = (at: number, value: number): void => putLong(thread.registers, at, value);
  for (const [index, at] of registers.arguments.entries()) put(at, 1000 + index);
  put(registers.call, calls.openat);
  // The kernel does not look at the half above it.
  thread.registers.writeUInt32LE(0xffff_0000, registers.call + 4);
  put(registers.instruction, 0x5000);
  const before = Buffer.from(thread.registers);
  let given: readonly number[] = [];
  thread.onResume = () => {
    given = registers.arguments.map((at) => getLong(thread.registers, at));
    put(registers.result, 0x7777);
  };
  const result = inject(openTracing(thread.kernel), TID, calls.mmap, [1, 2, 3, 4, 5, 6], () => {});
  expect([result, given]).toEqual([0x7777, [1, 2, 3, 4, 5, 6]]);
  putLong(before, registers.wanted, calls.openat);
  putLong(before, registers.instruction, 0x5000 - registers.callBytes);
  expect(thread.registers).toEqual(before);
});
