import type { ElfArchitecture } from "./architectures.ts";
import type { Qemu } from "./types.ts";

/** What the kernel compares the beginning of a file with, where the mask has bits. */
export interface Pattern {
  readonly offset: number;
  readonly magic: Uint8Array;
  readonly mask: Uint8Array;
}

/** The first 20 bytes of a program of the architecture: identity, type (static or position-independent) and machine. */
export function elfStart({ bits, bigEndian, machine }: ElfArchitecture, type: "exec" | "dyn" = "exec"): Buffer {
  const bytes = Buffer.alloc(20);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, bigEndian ? 2 : 1, 1]);
  const kind = type === "exec" ? 2 : 3;
  if (bigEndian) {
    bytes.writeUInt16BE(kind, 16);
    bytes.writeUInt16BE(machine, 18);
  } else {
    bytes.writeUInt16LE(kind, 16);
    bytes.writeUInt16LE(machine, 18);
  }
  return bytes;
}

/** Whatever operating system the file names and whichever of the two types it has. */
export function elfPattern(architecture: ElfArchitecture): Pattern {
  const mask = Buffer.alloc(20, 0xff);
  mask.fill(0, 7, 16);
  mask[architecture.bigEndian ? 17 : 16] = 0xfe;
  return { offset: 0, magic: elfStart(architecture), mask };
}

/**
 * The line that registers a handler. F: the kernel opens the emulator now, so roots that lack it do not
 * matter. C: set-user-id programs get their owner's rights, not the emulator's. P: `argv[0]` stays.
 */
export function registration(
  architecture: ElfArchitecture,
  { path, keepsName }: Pick<Qemu, "path" | "keepsName">,
): string {
  const { offset, magic, mask } = elfPattern(architecture);
  const delimiter = [..."|:,;"].find((character) => !path.includes(character)) ?? "|";
  const fields = [
    `manyarch-${architecture.name}`,
    "M",
    String(offset),
    escaped(magic),
    escaped(mask),
    path,
    keepsName ? "CFP" : "CF",
  ];
  return delimiter + fields.join(delimiter);
}

function escaped(bytes: Uint8Array): string {
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
