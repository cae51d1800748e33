import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { ElfArchitecture } from "./architectures.ts";

/** Where distributions put what is not on everybody's PATH. */
const USUAL = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/libexec/qemu-binfmt"];

/**
 * Programs that may be a user-mode QEMU for an architecture, likelier ones first: static ones, which work
 * in any root. `path` is as PATH; only its absolute directories count.
 */
export function findQemu({ qemu }: ElfArchitecture, path: string): readonly string[] {
  return findPrograms([`qemu-${qemu}-static`, `qemu-${qemu}`, `buildkit-qemu-${qemu}`, `${qemu}-binfmt-P`], path);
}

/** Each name in each directory, the names' order first. */
export function findPrograms(names: readonly string[], path: string): readonly string[] {
  const directories = [...new Set([...path.split(":").filter((directory) => isAbsolute(directory)), ...USUAL])];
  return names.flatMap((name) => directories.map((directory) => join(directory, name)).find(isExecutable) ?? []);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
