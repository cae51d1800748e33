import { findPrograms } from "../../sys/find-programs.ts";
import type { ElfArchitecture } from "./architectures.ts";

/** Where distributions put what is not on everybody's PATH. */
const USUAL = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/libexec/qemu-binfmt"];

/**
 * Programs that may be a user-mode QEMU for an architecture, likelier ones first: static ones, which work
 * in any root. `path` is as PATH; only its absolute directories count.
 */
export function findQemu({ qemu }: ElfArchitecture, path: string): readonly string[] {
  return findPrograms(
    [`qemu-${qemu}-static`, `qemu-${qemu}`, `buildkit-qemu-${qemu}`, `${qemu}-binfmt-P`],
    path,
    USUAL,
  );
}
