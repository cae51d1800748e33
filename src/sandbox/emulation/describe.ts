import type { Emulation, Emulator } from "./types.ts";

/** `under qemu-aarch64-static 7.2.22, by a handler of this build's own`. */
export function describeEmulation(emulation: Emulation): string {
  switch (emulation.kind) {
    case "native":
      return "natively";
    case "host":
      return emulation.handler === undefined
        ? "by a handler of the host's, which is not to be seen from here"
        : `by the host's handler ${emulation.handler} (${emulation.interpreter})`;
    case "own":
      return `under ${nameOf(emulation)}, by a binfmt_misc handler of this build's own`;
    case "proot":
      return `under ${nameOf(emulation)}, by proot -q`;
    case "none":
      return "not at all";
  }
}

function nameOf({ qemu }: Emulator): string {
  return `${qemu.path.replace(/^.*\//, "")} ${qemu.version}`;
}
