import { RUN_CAPABILITIES } from "./capabilities.ts";

/** Of `<linux/capability.h>`, by number. */
const NAMES =
  `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST
  NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE
  SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND
  AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`
    .split(/\s+/)
    .map((name) => `CAP_${name}`);

/** All that `held` has, for a RUN that is to have all. */
export function allCapabilities(held: bigint): readonly string[] {
  return NAMES.filter((_, number) => ((held >> BigInt(number)) & 1n) === 1n);
}

/** Those of `names` that we have ourselves, by number: no more can be given than `held`. */
export function capabilityNumbers(names: readonly string[], held: bigint): readonly number[] {
  return names.map((name) => NAMES.indexOf(name)).filter((number) => ((held >> BigInt(number)) & 1n) === 1n);
}

/** What a RUN keeps, as far as we have it ourselves. */
export function runCapabilities(held: bigint): readonly number[] {
  return capabilityNumbers(RUN_CAPABILITIES, held);
}

/** The permitted capabilities in the text of `/proc/self/status`. */
export function permittedIn(status: string): bigint {
  return BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
}
