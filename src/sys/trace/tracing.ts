import { getLong, putLong, putText } from "./kernel.ts";
import type { Kernel } from "./kernel.ts";

const PTRACE_CONT = 7;
const PTRACE_SYSCALL = 24;
const PTRACE_GETEVENTMSG = 0x4201;
const PTRACE_GETREGSET = 0x4204;
const PTRACE_SETREGSET = 0x4205;
const PTRACE_SEIZE = 0x4206;
const PTRACE_LISTEN = 0x4208;
/** The general registers, as a register set. */
const NT_PRSTATUS = 1;
const WAIT_ALL = 0x4000_0000;

/** TRACESYSGOOD, FORK, VFORK, CLONE, EXEC, SECCOMP, EXITKILL. */
const OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x80 | 0x10_0000;

/** Offsets in the memory of the kernel interface; what lies there is valid until the next use. */
export const AREAS = {
  registers: 0,
  word: 320,
  vectors: 336,
  stat: 512,
  statx: 1024,
  text: 4096,
  path: 16384,
  path2: 24576,
  data: 32768,
};
export const AREA_BYTES = 512 * 1024;
export const DATA_BYTES = AREA_BYTES - AREAS.data;

export const STOP = { signal: 0, fork: 1, vfork: 2, clone: 3, exec: 4, seccomp: 7, stop: 128 } as const;

/** What wait4(2) tells. */
export interface Waited {
  readonly tid: number;
  readonly status: number;
}

/** What one tracer does with the processes that it traces. Numbers below 0 are errnos. */
export interface Tracing {
  readonly kernel: Kernel;
  seize(tid: number): number;
  /** Waits for anything to happen to a traced process, or for `tid` only; undefined when there is none left. */
  wait(tid?: number): Waited | undefined;
  eventMessage(tid: number): number;
  /** Goes on; `signal` is delivered. `untilExit`: to the end of the call that it is in. */
  resume(tid: number, signal?: number, untilExit?: boolean): void;
  /** Leaves it in its group stop. */
  listen(tid: number): void;
  /** Reads the registers, which stay for the next functions until they are read again. */
  readRegisters(tid: number): number;
  /** The number of the call that the kernel is in, of which it looks at 32 bits, as a filter does. */
  call(): number;
  /** By its offset, as a {@link RegisterLayout} has it. */
  register(offset: number): number;
  setRegister(offset: number, value: number): void;
  /** Makes of the call that a thread is about to make another one; with {@link writeRegisters} only. -1: none. */
  setCall(tid: number, nr: number): void;
  writeRegisters(tid: number): number;
  /** Reads to {@link AREAS.data}, or to `offset`. Answers the count of bytes, which may be less. */
  read(tid: number, address: number, bytes: number, offset?: number): number;
  /** Writes what lies at `offset` of the memory. */
  write(tid: number, address: number, offset: number, bytes: number): number;
  /** A string that ends with NUL, one character a byte, or an errno. */
  readText(tid: number, address: number): string | number;
  writeText(tid: number, address: number, text: string): number;
}

const EFAULT = 14;
const ENAMETOOLONG = 36;
const ECHILD = 10;
const EINTR = 4;
const PATH_MAX = 4096;
const PAGE = 4096;

export function openTracing(kernel: Kernel): Tracing {
  const { call, memory, address, machine } = kernel;
  const { calls, registers } = machine;
  const ptrace = (request: number, tid: number, at: number, data: number): number =>
    call(calls.ptrace, request, tid, at, data);
  const transfer = (nr: number, tid: number, local: number, remote: number, bytes: number): number => {
    putLong(memory, AREAS.vectors, local);
    putLong(memory, AREAS.vectors + 8, bytes);
    putLong(memory, AREAS.vectors + 16, remote);
    putLong(memory, AREAS.vectors + 24, bytes);
    return call(nr, tid, address + AREAS.vectors, 1, address + AREAS.vectors + 16, 1, 0);
  };
  const registerSet = (request: number, tid: number, set: number, area: number, bytes: number): number => {
    putLong(memory, AREAS.vectors, address + area);
    putLong(memory, AREAS.vectors + 8, bytes);
    return ptrace(request, tid, set, address + AREAS.vectors);
  };
  const tracing: Tracing = {
    kernel,
    seize: (tid) => ptrace(PTRACE_SEIZE, tid, 0, OPTIONS),
    wait: (tid = -1) => {
      for (;;) {
        const found = call(calls.wait4, tid, address + AREAS.word, WAIT_ALL);
        if (found > 0) return { tid: found, status: memory.readInt32LE(AREAS.word) };
        if (found === -ECHILD) return undefined;
        if (found !== -EINTR) throw new Error(`wait4 failed with errno ${-found}`);
      }
    },
    eventMessage: (tid) => {
      ptrace(PTRACE_GETEVENTMSG, tid, 0, address + AREAS.word);
      return getLong(memory, AREAS.word);
    },
    resume: (tid, signal = 0, untilExit = false) => {
      ptrace(untilExit ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0, signal);
    },
    listen: (tid) => {
      ptrace(PTRACE_LISTEN, tid, 0, 0);
    },
    readRegisters: (tid) => registerSet(PTRACE_GETREGSET, tid, NT_PRSTATUS, AREAS.registers, registers.bytes),
    call: () => memory.readInt32LE(AREAS.registers + registers.call),
    register: (offset) => readRegister(memory, AREAS.registers + offset),
    setRegister: (offset, value) => putLong(memory, AREAS.registers + offset, value),
    setCall: (tid, nr) => {
      if (registers.callSet === undefined) return putLong(memory, AREAS.registers + registers.call, nr);
      memory.writeInt32LE(nr, AREAS.word);
      registerSet(PTRACE_SETREGSET, tid, registers.callSet, AREAS.word, 4);
    },
    writeRegisters: (tid) => registerSet(PTRACE_SETREGSET, tid, NT_PRSTATUS, AREAS.registers, registers.bytes),
    read: (tid, at, bytes, offset = AREAS.data) => transfer(calls.process_vm_readv, tid, address + offset, at, bytes),
    write: (tid, at, offset, bytes) => {
      const written = transfer(calls.process_vm_writev, tid, address + offset, at, bytes);
      return written < 0 ? written : written < bytes ? -EFAULT : 0;
    },
    readText: (tid, at) => {
      for (let length = 0; length < PATH_MAX;) {
        // Up to the end of a page only: the next one may not be there.
        const wanted = Math.min(PAGE - ((at + length) % PAGE), length === 0 ? 256 : PAGE);
        const got = tracing.read(tid, at + length, wanted, AREAS.text + length);
        if (got <= 0) return -EFAULT;
        const end = memory.indexOf(0, AREAS.text + length);
        length += got;
        if (end >= 0 && end < AREAS.text + length) return memory.toString("latin1", AREAS.text, end);
      }
      return -ENAMETOOLONG;
    },
    writeText: (tid, at, text) => {
      putText(kernel, AREAS.path, text);
      return tracing.write(tid, at, AREAS.path, text.length + 1);
    },
  };
  return tracing;
}

/**
 * Makes the traced process, which is stopped at a call of its own, do another one first. Answers its
 * result, and then the process is before its own call again: resumed, it stops there once more.
 * Undefined where it ended meanwhile, as `ended` was told.
 */
export function inject(
  tracing: Tracing,
  tid: number,
  nr: number,
  args: readonly number[],
  ended: (waited: Waited) => void,
): number | undefined {
  const { memory, machine } = tracing.kernel;
  const { registers } = machine;
  tracing.readRegisters(tid);
  const saved = Buffer.from(memory.subarray(AREAS.registers, AREAS.registers + registers.bytes));
  tracing.setCall(tid, nr);
  for (const [index, value] of args.entries()) tracing.setRegister(registers.arguments[index] ?? 0, value);
  tracing.writeRegisters(tid);
  tracing.resume(tid, 0, true);
  const waited = tracing.wait(tid);
  if (waited === undefined || (waited.status & 0xff) !== 0x7f) {
    if (waited !== undefined) ended(waited);
    return undefined;
  }
  tracing.readRegisters(tid);
  const result = tracing.register(registers.result);
  saved.copy(memory, AREAS.registers);
  tracing.setRegister(registers.instruction, tracing.register(registers.instruction) - registers.callBytes);
  tracing.setRegister(registers.wanted, tracing.call());
  tracing.writeRegisters(tid);
  return result;
}

/** Exact for addresses, and for what C has as a negative number of 4 bytes; a long of any value else is rounded. */
function readRegister(memory: Buffer, offset: number): number {
  const high = memory.readInt32LE(offset + 4);
  return high === -1 ? memory.readInt32LE(offset) : (high >>> 0) * 0x1_0000_0000 + memory.readUInt32LE(offset);
}
