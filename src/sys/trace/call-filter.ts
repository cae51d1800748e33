import { AppError } from "../../base/errors.ts";
import { ALLOW, BPF, CALL, INSTRUCTION_BYTES, TRACE, failWith, programBytes } from "../bpf.ts";
import type { Instruction } from "../bpf.ts";
import { putLong } from "./kernel.ts";
import type { Kernel } from "./kernel.ts";
import type { CallName, Machine } from "./machines/machine.ts";

/** What becomes of the calls of a process, as far as its machine has them; all others are allowed. */
export interface CallFilter {
  /** Stop for the tracer. */
  readonly trace: readonly CallName[];
  /** Answer ENOSYS, so that programs take the older way. */
  readonly refuse: readonly CallName[];
}

/** On x86-64; elsewhere there is none with such a number. */
const X32_CALLS = 0x4000_0000;
const ENOSYS = 38;

const REFUSE = failWith(ENOSYS);

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;

/**
 * A BPF program: binaries of other architectures and x32 would get around it and are refused. Since
 * Linux 5.11 the kernel remembers which calls are allowed always, so its length costs nothing.
 */
export function filterProgram({ trace, refuse }: CallFilter, { audit, calls }: Machine): readonly Instruction[] {
  const when = (name: CallName, action: number): readonly Instruction[] => {
    const nr = calls[name];
    return nr === undefined
      ? []
      : [
          [BPF.IF_EQUAL, 0, 1, nr],
          [BPF.RETURN, 0, 0, action],
        ];
  };
  return [
    [BPF.LOAD, 0, 0, CALL.machine],
    [BPF.IF_EQUAL, 1, 0, audit],
    [BPF.RETURN, 0, 0, REFUSE],
    [BPF.LOAD, 0, 0, CALL.number],
    [BPF.IF_AT_LEAST, 0, 1, X32_CALLS],
    [BPF.RETURN, 0, 0, REFUSE],
    ...trace.flatMap((name) => when(name, TRACE)),
    ...refuse.flatMap((name) => when(name, REFUSE)),
    [BPF.RETURN, 0, 0, ALLOW],
  ];
}

/** The program as the kernel takes it. */
export function filterBytes(filter: CallFilter, machine: Machine): Buffer {
  return programBytes(filterProgram(filter, machine));
}

/** Sets no_new_privs, for the calling thread and all that it starts. Throws `SANDBOX_UNAVAILABLE`. */
export function forbidPrivileges(kernel: Kernel): void {
  must(kernel.call(kernel.machine.calls.prctl, PR_SET_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS)");
}

/** Sets a filter ({@link filterBytes}) for the same. Throws `SANDBOX_UNAVAILABLE`. */
export function installFilter(kernel: Kernel, program: Buffer): void {
  const { memory, address, machine } = kernel;
  const start = 64;
  program.copy(memory, start);
  // struct sock_fprog
  memory.writeUInt16LE(program.length / INSTRUCTION_BYTES, 0);
  putLong(memory, 8, address + start);
  must(kernel.call(machine.calls.seccomp, SECCOMP_SET_MODE_FILTER, 0, address), "seccomp(SECCOMP_SET_MODE_FILTER)");
}

function must(result: number, what: string): void {
  if (result < 0) throw new AppError("SANDBOX_UNAVAILABLE", `${what} failed with errno ${-result}`);
}
