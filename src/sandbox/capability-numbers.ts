import { RUN_CAPABILITIES } from "./capabilities.ts";

/** Of `<linux/capability.h>`. */
const NUMBERS: Readonly<Record<(typeof RUN_CAPABILITIES)[number], number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_RAW: 13,
  CAP_SYS_CHROOT: 18,
  CAP_MKNOD: 27,
  CAP_AUDIT_WRITE: 29,
  CAP_SETFCAP: 31,
};

/** What a RUN keeps, as far as we have it ourselves: no more can be given than `held`. */
export function runCapabilities(held: bigint, without: readonly string[] = []): readonly number[] {
  return RUN_CAPABILITIES.filter((name) => !without.includes(name))
    .map((name) => NUMBERS[name])
    .filter((number) => ((held >> BigInt(number)) & 1n) === 1n);
}

/** The permitted capabilities in the text of `/proc/self/status`. */
export function permittedIn(status: string): bigint {
  return BigInt(`0x${/^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
}
