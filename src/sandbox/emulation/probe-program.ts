import type { ElfArchitecture } from "./architectures.ts";

/** How the probe ends that was given no arguments: then its architecture runs here. */
export const PROBE_EXIT = 42;
/** It was given its own name twice: the handler keeps `argv[0]` (flag P) for an emulator that does not know how. */
export const PROBE_EXIT_SHIFTED = 43;

const ADDRESS = 0x40_0000;
const PAGE = 0x1_0000;

/** A static program of a hundred bytes or so, which ends with the exit code 41 + argc. */
export function probeProgram(architecture: ElfArchitecture): Buffer {
  const code = Buffer.from(architecture.probe.replaceAll(" ", ""), "hex");
  const { header, segment } = architecture.bits === 64 ? SIZES_64 : SIZES_32;
  const bytes = Buffer.alloc(header + segment + code.length);
  code.copy(bytes, header + segment);
  const put = writer(bytes, architecture);
  putHeader(put, architecture, ADDRESS + header + segment, header, segment);
  putSegment(put, architecture, header, bytes.length);
  return bytes;
}

const SIZES_64 = { header: 64, segment: 56 };
const SIZES_32 = { header: 52, segment: 32 };

type Put = (at: number, size: 1 | 2 | 4 | 8, value: number) => void;

function writer(bytes: Buffer, { bigEndian }: ElfArchitecture): Put {
  return (at, size, value) => {
    if (size === 8) {
      if (bigEndian) bytes.writeBigUInt64BE(BigInt(value), at);
      else bytes.writeBigUInt64LE(BigInt(value), at);
    } else if (bigEndian) bytes.writeUIntBE(value, at, size);
    else bytes.writeUIntLE(value, at, size);
  };
}

function putHeader(
  put: Put,
  { bits, bigEndian, machine, flags }: ElfArchitecture,
  entry: number,
  header: number,
  segment: number,
): void {
  [0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, bigEndian ? 2 : 1, 1].forEach((byte, at) => put(at, 1, byte));
  put(16, 2, 2);
  put(18, 2, machine);
  put(20, 4, 1);
  const word = bits === 64 ? 8 : 4;
  put(24, word, entry);
  put(24 + word, word, header);
  const rest = 24 + 3 * word;
  put(rest, 4, flags);
  put(rest + 4, 2, header);
  put(rest + 6, 2, segment);
  put(rest + 8, 2, 1);
}

/** One segment, readable and executable, that holds the whole file. */
function putSegment(put: Put, { bits }: ElfArchitecture, at: number, length: number): void {
  put(at, 4, 1);
  if (bits === 64) {
    put(at + 4, 4, 5);
    put(at + 16, 8, ADDRESS);
    put(at + 24, 8, ADDRESS);
    put(at + 32, 8, length);
    put(at + 40, 8, length);
    put(at + 48, 8, PAGE);
    return;
  }
  put(at + 8, 4, ADDRESS);
  put(at + 12, 4, ADDRESS);
  put(at + 16, 4, length);
  put(at + 20, 4, length);
  put(at + 24, 4, 5);
  put(at + 28, 4, PAGE);
}
