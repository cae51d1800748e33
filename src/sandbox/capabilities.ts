/**
 * What root may do in a RUN: BuildKit's set, which is Docker's default. Bounding, permitted and effective;
 * inheritable and ambient stay empty, or file capabilities would gain more than the image says
 * (CVE-2022-24769 and its kin).
 */
export const RUN_CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
] as const;
