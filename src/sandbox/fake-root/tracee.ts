import type { Credentials } from "./credentials.ts";

/** A thread that is traced. */
export interface Tracee {
  readonly tid: number;
  /** Of its process. */
  readonly pid: number;
  credentials: Credentials;
  space: AddressSpace;
  /** The program that it runs, as the guest calls it. Shared by the threads of a process. */
  program: string;
  /** The call that it is in, as far as its end matters. */
  pending?: Pending | undefined;
  /** What it is going to be when the execve that it is in succeeds. */
  next?: { readonly program: string; readonly credentials: Credentials } | undefined;
}

/** Memory in a process that strings for the kernel are put into. Shared as the process's memory is. */
export interface AddressSpace {
  scratch?: { readonly address: number; used: number; vectorsUsed: number } | undefined;
}

export interface Pending {
  /** Register offsets and what the program had there. */
  readonly registers: readonly (readonly [offset: number, value: number])[];
  readonly atExit?: AtExit | undefined;
}

/** Called with a call's result; answers another one for the program, or undefined. */
export type AtExit = (result: number) => number | undefined;

/**
 * What is to become of a call: a number is its result, an errno where negative; `native` lets the kernel
 * do it as it is, a {@link Rewrite} with other arguments.
 */
export type Outcome = number | "native" | Rewrite;

export interface Rewrite {
  /** Arrays of pointers, of the program's own (numbers) and of new texts. */
  readonly vectors?: readonly (readonly [argument: number, items: readonly (number | string)[]])[] | undefined;
  readonly texts?: readonly (readonly [argument: number, text: string])[] | undefined;
  readonly values?: readonly (readonly [argument: number, value: number])[] | undefined;
  readonly atExit?: AtExit | undefined;
}
