import { readElfIdentity } from "./elf.ts";

/** So much of a file holds the headers and the interpreter's name of every program that linkers make. */
export const ELF_HEADERS_BYTES = 64 * 1024;

/** What a program needs to be started with, by its first bytes. */
export type ElfInterpreter =
  /** Nothing: it is static. */
  | { readonly kind: "none" }
  | { readonly kind: "named"; readonly path: string }
  /** No program, or one whose headers are not where they should be. */
  | { readonly kind: "unknown" };

/** Reads the dynamic loader that a program names (PT_INTERP). Looks at `start` alone, whatever its numbers say. */
export function readElfInterpreter(start: Uint8Array): ElfInterpreter {
  const identity = readElfIdentity(start);
  if (identity === undefined) return UNKNOWN;
  const read = reader(start, identity.bigEndian);
  const wide = identity.bits === 64;
  const table = wide ? read(32, 8) : read(28, 4);
  const [size, count] = wide ? [read(54, 2), read(56, 2)] : [read(42, 2), read(44, 2)];
  if (table === undefined || size === undefined || count === undefined) return UNKNOWN;
  if (count > 0 && size < (wide ? 56 : 32)) return UNKNOWN;
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    const type = read(at, 4);
    if (type === undefined) return UNKNOWN;
    if (type !== PT_INTERP) continue;
    const [offset, length] = wide ? [read(at + 8, 8), read(at + 32, 8)] : [read(at + 4, 4), read(at + 16, 4)];
    return nameAt(start, offset, length);
  }
  return count === 0 ? UNKNOWN : { kind: "none" };
}

const UNKNOWN: ElfInterpreter = { kind: "unknown" };
const PT_INTERP = 3;
const PATH_MAX = 4096;

function nameAt(start: Uint8Array, offset: number | undefined, length: number | undefined): ElfInterpreter {
  if (offset === undefined || length === undefined || length < 2 || length > PATH_MAX) return UNKNOWN;
  const bytes = start.subarray(offset, offset + length);
  const end = bytes.indexOf(0);
  return end < 1 ? UNKNOWN : { kind: "named", path: Buffer.from(bytes.subarray(0, end)).toString("latin1") };
}

/** Reads a number; undefined where it lies outside, or is too large for an offset of a file. */
function reader(start: Uint8Array, bigEndian: boolean): (at: number, size: 2 | 4 | 8) => number | undefined {
  return (at, size) => {
    if (at + size > start.length) return undefined;
    let value = 0;
    for (let index = 0; index < size; index++)
      value = value * 256 + (start[at + (bigEndian ? index : size - 1 - index)] ?? 0);
    return Number.isSafeInteger(value) ? value : undefined;
  };
}
