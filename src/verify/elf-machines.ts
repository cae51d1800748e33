/** What the header of an ELF file says of its architecture. */
export interface ElfMachine {
  /** As images name it. */
  readonly name: string;
  readonly bits: 32 | 64;
  readonly bigEndian: boolean;
  /** `e_machine`. */
  readonly machine: number;
}

/** Linux's architectures as Go and images name them; numbers as in elf(5) and the processors' supplements. */
export const ELF_MACHINES: readonly ElfMachine[] = [
  { name: "amd64", bits: 64, bigEndian: false, machine: 62 },
  { name: "386", bits: 32, bigEndian: false, machine: 3 },
  { name: "arm64", bits: 64, bigEndian: false, machine: 183 },
  { name: "arm", bits: 32, bigEndian: false, machine: 40 },
  { name: "riscv64", bits: 64, bigEndian: false, machine: 243 },
  { name: "s390x", bits: 64, bigEndian: true, machine: 22 },
  { name: "ppc64le", bits: 64, bigEndian: false, machine: 21 },
  { name: "ppc64", bits: 64, bigEndian: true, machine: 21 },
  { name: "mips64le", bits: 64, bigEndian: false, machine: 8 },
  { name: "mips64", bits: 64, bigEndian: true, machine: 8 },
  { name: "mipsle", bits: 32, bigEndian: false, machine: 8 },
  { name: "mips", bits: 32, bigEndian: true, machine: 8 },
  { name: "loong64", bits: 64, bigEndian: false, machine: 258 },
];
