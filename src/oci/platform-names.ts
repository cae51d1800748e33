/** Operating systems of Go, and so of image platforms (go/build syslist). */
export const OPERATING_SYSTEMS: readonly string[] = [
  "aix",
  "android",
  "darwin",
  "dragonfly",
  "freebsd",
  "hurd",
  "illumos",
  "ios",
  "js",
  "linux",
  "nacl",
  "netbsd",
  "openbsd",
  "plan9",
  "solaris",
  "windows",
  "zos",
];

/** Architectures of Go (go/build syslist). */
export const ARCHITECTURES: readonly string[] = [
  "386",
  "amd64",
  "amd64p32",
  "arm",
  "arm64",
  "arm64be",
  "armbe",
  "loong64",
  "mips",
  "mips64",
  "mips64le",
  "mips64p32",
  "mips64p32le",
  "mipsle",
  "ppc",
  "ppc64",
  "ppc64le",
  "riscv",
  "riscv64",
  "s390",
  "s390x",
  "sparc",
  "sparc64",
  "wasm",
];

/** Of a normalised name. */
export function isKnownOs(os: string): boolean {
  return OPERATING_SYSTEMS.includes(os);
}

/** Of a normalised name. */
export function isKnownArchitecture(architecture: string): boolean {
  return ARCHITECTURES.includes(architecture);
}
