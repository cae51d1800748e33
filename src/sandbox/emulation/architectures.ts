import { ELF_MACHINES } from "../../verify/elf-machines.ts";
import type { ElfMachine } from "../../verify/elf-machines.ts";

/** What an emulator has to know of an architecture. */
export interface ElfArchitecture extends ElfMachine {
  /** What QEMU calls it, as in `qemu-NAME`. */
  readonly qemu: string;
  /** `e_flags` of a program that any of its machines runs. */
  readonly flags: number;
  /** Machine code that ends with the exit code 41 + argc. Entered with the stack as the kernel leaves it. */
  readonly probe: string;
}

type Extras = Pick<ElfArchitecture, "qemu" | "flags" | "probe">;

/** Those that official images come in. The code loads argc from the stack, adds 41 and calls exit. */
const EXTRAS: Readonly<Record<string, Extras>> = {
  amd64: { qemu: "x86_64", flags: 0, probe: "8b3c24 83c729 b83c000000 0f05" },
  "386": { qemu: "i386", flags: 0, probe: "8b1c24 83c329 b801000000 cd80" },
  arm64: { qemu: "aarch64", flags: 0, probe: "e00340f9 00a40091 a80b80d2 010000d4" },
  arm: { qemu: "arm", flags: 0x0500_0000, probe: "00009de5 290080e2 0170a0e3 000000ef" },
  riscv64: { qemu: "riscv64", flags: 0, probe: "03350100 13059502 9308d005 73000000" },
  ppc64le: { qemu: "ppc64le", flags: 2, probe: "000061e8 29006338 01000038 02000044" },
  mips64le: { qemu: "mips64el", flags: 0x8000_0007, probe: "0000a4df 29008464 c2130224 0c000000" },
  loong64: { qemu: "loongarch64", flags: 0x43, probe: "6400c028 84a4c002 0b748102 00002b00" },
  s390x: { qemu: "s390x", flags: 0, probe: "e320f0000004 a72b0029 0a01" },
};

export const ELF_ARCHITECTURES: readonly ElfArchitecture[] = ELF_MACHINES.flatMap((machine) => {
  const extras = EXTRAS[machine.name];
  return extras === undefined ? [] : { ...machine, ...extras };
});

export function elfArchitecture(name: string): ElfArchitecture | undefined {
  return ELF_ARCHITECTURES.find((architecture) => architecture.name === name);
}
