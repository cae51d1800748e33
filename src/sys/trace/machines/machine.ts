import type { ARM64_CALLS } from "./arm64.ts";
import type { X86_64_CALLS } from "./x86-64.ts";

export type CallName = keyof typeof X86_64_CALLS;
/** Calls that every machine has: the younger ones have no older forms. */
type CommonCall = keyof typeof ARM64_CALLS;
type CallNumbers = Readonly<Record<CommonCall, number> & Partial<Record<CallName, number>>>;

/** What tracing has to know of a processor's Linux. */
export interface Machine {
  /** `e_machine` of its programs. */
  readonly elf: number;
  /** `AUDIT_ARCH_*`: what a filter sees of a call that is its own. */
  readonly audit: number;
  readonly calls: CallNumbers;
  readonly registers: RegisterLayout;
  readonly stat: StatLayout;
}

/** Offsets in what PTRACE_GETREGSET gives as NT_PRSTATUS; each register has 8 bytes. */
export interface RegisterLayout {
  readonly bytes: number;
  readonly arguments: readonly number[];
  readonly result: number;
  /** Of the next instruction. */
  readonly instruction: number;
  /** Where the number of the call that the kernel is in can be read. */
  readonly call: number;
  /** The register set that this number is changed by, where it is not with the others. */
  readonly callSet?: number | undefined;
  /** Where programs put the number of a call that they make. */
  readonly wanted: number;
  /** Of the instruction that makes a call. */
  readonly callBytes: number;
}

/** `struct stat`, as far as it is read and changed. */
export interface StatLayout {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly bytes: number;
}
