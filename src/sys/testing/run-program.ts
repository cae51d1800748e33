import { BPF } from "../bpf.ts";
import type { Instruction } from "../bpf.ts";

/** Only libseccomp makes use of it. */
const IF_GREATER = 0x25;

/** A call as the kernel shows it to a filter. */
export interface FilteredCall {
  readonly number: number;
  /** AUDIT_ARCH_*. */
  readonly machine: number;
  readonly args?: readonly bigint[] | undefined;
}

/** What `program` answers, reckoned as the kernel does. */
export function runProgram(program: readonly Instruction[], call: FilteredCall): number | undefined {
  const data = dataOf(call);
  let value = 0;
  for (let at = 0; at < program.length; at++) {
    const [code, skipIfSo, skipIfNot, operand] = program[at] ?? [0, 0, 0, 0];
    if (code === BPF.LOAD) value = data.readUInt32LE(operand);
    else if (code === BPF.AND) value = (value & operand) >>> 0;
    else if (code === BPF.SKIP) at += operand;
    else if (code === BPF.IF_EQUAL) at += value === operand >>> 0 ? skipIfSo : skipIfNot;
    else if (code === BPF.IF_AT_LEAST) at += value >= operand >>> 0 ? skipIfSo : skipIfNot;
    else if (code === IF_GREATER) at += value > operand >>> 0 ? skipIfSo : skipIfNot;
    else if (code === BPF.RETURN) return operand >>> 0;
    else throw new Error(`no instruction has the code ${code}`);
  }
  return undefined;
}

/** `struct seccomp_data` on a little-endian machine. */
function dataOf({ number, machine, args = [] }: FilteredCall): Buffer {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(machine, 4);
  for (const [index, value] of args.entries()) data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * index);
  return data;
}
