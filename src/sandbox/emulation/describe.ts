import type { Emulation, Emulator } from "./types.ts";

/** `under qemu-aarch64-static 7.2.22, own binfmt_misc handler`. */
export function describeEmulation(emulation: Emulation): string {
  switch (emulation.kind) {
    case "native":
      return "natively";
    case "host":
      return emulation.handler === undefined
        ? "under a handler of the host's that is not to be seen from here"
        : `under the host's handler ${emulation.handler} (${emulation.interpreter})`;
    case "own":
      return `under ${nameOf(emulation)}, own binfmt_misc handler`;
    case "proot":
      return `under ${nameOf(emulation)}, started by a tracer`;
    case "none":
      return "not at all";
  }
}

function nameOf({ qemu }: Emulator): string {
  return `${qemu.path.replace(/^.*\//, "")} ${qemu.version}`;
}
