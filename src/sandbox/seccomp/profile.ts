import type { LinuxSeccomp, SeccompArgument, SeccompRule } from "../oci-spec.ts";
import { SYSCALL_GROUPS } from "./call-groups.ts";
import type { ArgumentTest, SyscallCondition, SyscallGroup } from "./call-groups.ts";

const EPERM = 1;

/** Names of libseccomp: the machine itself, then those whose binaries it runs too. */
const MACHINES: Readonly<Record<string, readonly string[]>> = {
  amd64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  "386": ["SCMP_ARCH_X86"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
  arm: ["SCMP_ARCH_ARM"],
  ppc64le: ["SCMP_ARCH_PPC64LE"],
  riscv64: ["SCMP_ARCH_RISCV64"],
  s390x: ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
};

/**
 * The filter for processes with `capabilities` on a machine of `architecture` (of the kernel, also
 * where an emulator runs foreign binaries: its calls are the machine's). Undefined for a machine that
 * libseccomp is not known to serve: a filter for the wrong one would deny everything.
 */
export function seccompProfile(architecture: string, capabilities: readonly string[]): LinuxSeccomp | undefined {
  const machines = MACHINES[architecture];
  if (machines === undefined) return undefined;
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: EPERM,
    architectures: machines,
    syscalls: SYSCALL_GROUPS.filter(({ when }) => applies(when, architecture, capabilities)).map(rule),
  };
}

function applies(when: SyscallCondition | undefined, architecture: string, capabilities: readonly string[]): boolean {
  if (when === undefined) return true;
  const { capability, withoutCapability, architectures, notArchitectures } = when;
  if (capability !== undefined && !capabilities.includes(capability)) return false;
  if (withoutCapability !== undefined && capabilities.includes(withoutCapability)) return false;
  if (architectures !== undefined && !architectures.includes(architecture)) return false;
  return notArchitectures === undefined || !notArchitectures.includes(architecture);
}

function rule({ names, argument, errno }: SyscallGroup): SeccompRule {
  return {
    names: names.trim().split(/\s+/),
    action: errno === undefined ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO",
    ...(errno !== undefined && { errnoRet: errno }),
    ...(argument !== undefined && { args: [argumentOf(argument)] }),
  };
}

function argumentOf({ index, value, mask }: ArgumentTest): SeccompArgument {
  if (mask === undefined) return { index, value, op: "SCMP_CMP_EQ" };
  // `value` is the mask, `valueTwo` what must be left of it.
  return { index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ" };
}
