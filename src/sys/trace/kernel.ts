import { requireKoffi } from "../load-syscalls.ts";
import type { Machine } from "./machines/machine.ts";
import { ownMachine } from "./machines/own-machine.ts";

/** System calls by number, over memory whose address is known: what tracing other processes is made of. */
export interface Kernel {
  /** Has the numbers. */
  readonly machine: Machine;
  /** Answers what the call returns, or its negative errno. Addresses are numbers: user space ends below 2^48. */
  readonly call: (nr: number, a: number, b?: number, c?: number, d?: number, e?: number, f?: number) => number;
  readonly memory: Buffer;
  /** Of the first byte of `memory`. */
  readonly address: number;
}

type RawCall = (nr: number, a: number, b: number, c: number, d: number, e: number, f: number) => number;

/** Throws `SYSCALLS_UNAVAILABLE` where koffi cannot be loaded, or the machine is not known. */
export function openKernel(memoryBytes: number): Kernel {
  const machine = ownMachine();
  const koffi = requireKoffi();
  const syscall = koffi.load(null).func("syscall", "long", ["long", "long", "long", "long", "long", "long", "long"]);
  const raw = syscall as unknown as RawCall;
  const pointer: unknown = koffi.alloc("uint8_t", memoryBytes);
  return {
    machine,
    call: (nr, a, b = 0, c = 0, d = 0, e = 0, f = 0) => {
      const result = raw(nr, a, b, c, d, e, f);
      return result === -1 ? -koffi.errno() : result;
    },
    memory: Buffer.from(koffi.view(pointer, memoryBytes)),
    address: Number(koffi.address(pointer)),
  };
}

/** Writes `text` (one character a byte) at `offset` of the memory, ended by NUL; answers its address. */
export function putText(kernel: Kernel, offset: number, text: string): number {
  const { memory } = kernel;
  memory[offset + memory.write(text, offset, "latin1")] = 0;
  return kernel.address + offset;
}

/** A number of 8 bytes that is known to be below 2^53. */
export function getLong(memory: Buffer, offset: number): number {
  return memory.readUInt32LE(offset) + memory.readUInt32LE(offset + 4) * 0x1_0000_0000;
}

export function putLong(memory: Buffer, offset: number, value: number): void {
  memory.writeInt32LE(value | 0, offset);
  memory.writeInt32LE(Math.floor(value / 0x1_0000_0000) | 0, offset + 4);
}
