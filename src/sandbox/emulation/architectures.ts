/** What makes an ELF file one of an architecture, and what QEMU calls it. */
export interface ElfArchitecture {
  /** As images name it. */
  readonly name: string;
  /** As in `qemu-NAME`. */
  readonly qemu: string;
  readonly bits: 32 | 64;
  readonly bigEndian: boolean;
  /** `e_machine`. */
  readonly machine: number;
  /** `e_flags` of a program that any of its machines runs. */
  readonly flags: number;
  /** Machine code that ends with the exit code 41 + argc. Entered with the stack as the kernel leaves it. */
  readonly probe: string;
}

/**
 * Those that images come in. Numbers: the ELF supplements of each processor; the probe loads argc from the
 * stack, adds 41 and calls exit.
 */
export const ELF_ARCHITECTURES: readonly ElfArchitecture[] = [
  little("amd64", "x86_64", 64, 62, "8b3c24 83c729 b83c000000 0f05"),
  little("386", "i386", 32, 3, "8b1c24 83c329 b801000000 cd80"),
  little("arm64", "aarch64", 64, 183, "e00340f9 00a40091 a80b80d2 010000d4"),
  little("arm", "arm", 32, 40, "00009de5 290080e2 0170a0e3 000000ef", 0x0500_0000),
  little("riscv64", "riscv64", 64, 243, "03350100 13059502 9308d005 73000000"),
  little("ppc64le", "ppc64le", 64, 21, "000061e8 29006338 01000038 02000044", 2),
  little("mips64le", "mips64el", 64, 8, "0000a4df 29008464 c2130224 0c000000", 0x8000_0007),
  little("loong64", "loongarch64", 64, 258, "6400c028 84a4c002 0b748102 00002b00", 0x43),
  { ...little("s390x", "s390x", 64, 22, "e320f0000004 a72b0029 0a01"), bigEndian: true },
];

export function elfArchitecture(name: string): ElfArchitecture | undefined {
  return ELF_ARCHITECTURES.find((architecture) => architecture.name === name);
}

function little(name: string, qemu: string, bits: 32 | 64, machine: number, probe: string, flags = 0): ElfArchitecture {
  return { name, qemu, bits, bigEndian: false, machine, flags, probe };
}
