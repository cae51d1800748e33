import { ARM, ARM64, X32, X86, X86_64 } from "./call-numbers.ts";
import type { CallNumbers } from "./call-numbers.ts";

/** What a program is compiled for, as libseccomp divides it. */
export interface Machine {
  /** How the kernel calls it: AUDIT_ARCH_*. */
  readonly audit: number;
  /** Added to all its numbers. */
  readonly base: number;
  /** Whether arguments have 64 bits. */
  readonly wide: boolean;
  readonly numbers: CallNumbers;
}

const AUDIT_X86_64 = 0xc000_003e;

/** By the names that libseccomp has for them. */
export const MACHINES: Readonly<Record<string, Machine>> = {
  SCMP_ARCH_X86_64: { audit: AUDIT_X86_64, base: 0, wide: true, numbers: X86_64 },
  SCMP_ARCH_X32: { audit: AUDIT_X86_64, base: 0x4000_0000, wide: false, numbers: X32 },
  SCMP_ARCH_X86: { audit: 0x4000_0003, base: 0, wide: false, numbers: X86 },
  SCMP_ARCH_AARCH64: { audit: 0xc000_00b7, base: 0, wide: true, numbers: ARM64 },
  SCMP_ARCH_ARM: { audit: 0x4000_0028, base: 0, wide: false, numbers: ARM },
};
