import { readdirSync } from "node:fs";
import { AppError } from "../../src/base/errors.ts";
import { findProgram } from "./process.ts";

const QEMU: Readonly<Record<string, string>> = {
  "linux/amd64": "qemu-x86_64-static",
  "linux/arm64": "qemu-aarch64-static",
  "linux/arm/v7": "qemu-arm-static",
  "linux/s390x": "qemu-s390x-static",
  "linux/ppc64le": "qemu-ppc64le-static",
  "linux/riscv64": "qemu-riscv64-static",
};

/** The words to put before a program of that platform to run it here: none where it is the machine's own. */
export function emulatorPrefix(platform: string): readonly string[] {
  if (platform === (process.arch === "x64" ? "linux/amd64" : "linux/arm64")) return [];
  const name = QEMU[platform];
  const path = name === undefined ? undefined : findProgram(name);
  if (path === undefined)
    throw new AppError("BED_PROGRAM", `no emulator for ${platform} is installed`, { hint: "run ./dev setup" });
  return [path];
}

/** Names of the handlers for foreign binaries that the kernel knows. */
export function foreignHandlers(): readonly string[] {
  try {
    return readdirSync("/proc/sys/fs/binfmt_misc").filter((name) => name.startsWith("qemu-"));
  } catch {
    return [];
  }
}
