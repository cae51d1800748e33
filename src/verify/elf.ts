import { ELF_MACHINES } from "./elf-machines.ts";
import type { ElfMachine } from "./elf-machines.ts";

/** So much of a file's beginning tells what ELF file it is. */
export const ELF_START_BYTES = 20;

/** What an ELF file is, by the first of its bytes. */
export interface ElfIdentity extends Omit<ElfMachine, "name"> {
  /** `e_type`: 1 relocatable, 2 executable, 3 shared or position-independent, 4 core. */
  readonly type: number;
}

/** Reads what a file is by its first bytes; undefined where it is no ELF file, is too short or contradicts itself. */
export function readElfIdentity(start: Uint8Array): ElfIdentity | undefined {
  if (start.length < ELF_START_BYTES || MAGIC.some((byte, at) => start[at] !== byte)) return undefined;
  const [kind, order] = [start[4], start[5]];
  if ((kind !== 1 && kind !== 2) || (order !== 1 && order !== 2)) return undefined;
  const bigEndian = order === 2;
  const short = (at: number): number => {
    const [first = 0, second = 0] = [start[at], start[at + 1]];
    return bigEndian ? first * 256 + second : second * 256 + first;
  };
  return { bits: kind === 2 ? 64 : 32, bigEndian, type: short(16), machine: short(18) };
}

/** The architecture as images name it; undefined for one that no image has. */
export function elfArchitecture({ bits, bigEndian, machine }: ElfIdentity): string | undefined {
  return ELF_MACHINES.find((one) => one.machine === machine && one.bits === bits && one.bigEndian === bigEndian)?.name;
}

/** Code for a graphics processor or the kernel's own machine: the same on every architecture. */
export function isDeviceCode({ machine }: ElfIdentity): boolean {
  return DEVICE_MACHINES.has(machine);
}

const MAGIC = [0x7f, 0x45, 0x4c, 0x46];
/** CUDA, AMD GPU, BPF. */
const DEVICE_MACHINES: ReadonlySet<number> = new Set([190, 224, 247]);
