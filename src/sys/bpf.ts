/**
 * Classic BPF, which system call filters are written in. The program gets `struct seccomp_data`, of which it
 * loads words of 32 bits into its one register, and its answer is what becomes of the call.
 */
export type Instruction = readonly [code: number, skipIfSo: number, skipIfNot: number, operand: number];

export const INSTRUCTION_BYTES = 8;

export const BPF = {
  LOAD: 0x20,
  AND: 0x54,
  SKIP: 0x05,
  IF_EQUAL: 0x15,
  IF_AT_LEAST: 0x35,
  RETURN: 0x06,
} as const;

/** Offsets in `struct seccomp_data` of the number, the machine (AUDIT_ARCH_*) and the low half of an argument. */
export const CALL = { number: 0, machine: 4, argument: (index: number): number => 16 + 8 * index } as const;

/** Answers: SECCOMP_RET_*. */
export const ALLOW = 0x7fff_0000;
export const TRACE = 0x7ff0_0000;
export function failWith(errno: number): number {
  return 0x0005_0000 | errno;
}

/** A program as the kernel takes it: an array of `struct sock_filter`. */
export function programBytes(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES);
  for (const [index, [code, skipIfSo, skipIfNot, operand]] of program.entries()) {
    const at = index * INSTRUCTION_BYTES;
    bytes.writeUInt16LE(code, at);
    bytes.writeUInt8(skipIfSo, at + 2);
    bytes.writeUInt8(skipIfNot, at + 3);
    bytes.writeUInt32LE(operand >>> 0, at + 4);
  }
  return bytes;
}
