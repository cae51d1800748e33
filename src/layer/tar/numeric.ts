/**
 * Numbers of tar header fields, as Go's archive/tar reads and writes them (strconv.go). A field that
 * is no number, or one past 2^53, reads as undefined: no layer has a use for either.
 */

const SPACE = 0x20;
const ZERO = 0x30;

/** Octal digits, or base-256 where the first bit is set. May be negative. */
export function parseNumeric(block: Uint8Array, at: number, length: number): number | undefined {
  if (((block[at] ?? 0) & 0x80) === 0) return parseOctal(block, at, length);
  const value = Number(parseBase256(block, at, length));
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Whether Go takes the field for a number, be it past 2^53. */
export function isNumeric(block: Uint8Array, at: number, length: number): boolean {
  if (((block[at] ?? 0) & 0x80) === 0) return parseOctal(block, at, length) !== undefined;
  return BigInt.asIntN(64, parseBase256(block, at, length)) === parseBase256(block, at, length);
}

/** Octal digits between any number of spaces and NULs; nothing at all is 0. A NUL ends the number. */
export function parseOctal(block: Uint8Array, at: number, length: number): number | undefined {
  let from = at;
  let to = at + length;
  while (from < to && isPadding(block[from])) from++;
  while (to > from && isPadding(block[to - 1])) to--;
  let value = 0;
  for (let i = from; i < to; i++) {
    const byte = block[i] ?? 0;
    if (byte === 0) break;
    const digit = byte - ZERO;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  return value;
}

/** Writes `length - 1` octal digits and a NUL; a number that does not fit is written as 0. */
export function writeOctal(block: Uint8Array, at: number, length: number, value: number): void {
  let rest = fitsOctal(length, value) ? value : 0;
  let i = at + length - 1;
  block[i--] = 0;
  for (; rest > 0x7fffffff; i--) {
    block[i] = ZERO + (rest % 8);
    rest = Math.floor(rest / 8);
  }
  for (; i >= at; i--) {
    block[i] = ZERO + (rest & 7);
    rest >>>= 3;
  }
}

export function fitsOctal(length: number, value: number): boolean {
  return value >= 0 && value < 8 ** (length - 1);
}

function isPadding(byte: number | undefined): boolean {
  return byte === SPACE || byte === 0;
}

/** Two's complement, big-endian, where the first byte's top bit only marks the form. */
function parseBase256(block: Uint8Array, at: number, length: number): bigint {
  const invert = ((block[at] ?? 0) & 0x40) === 0 ? 0 : 0xff;
  let value = 0n;
  for (let i = 0; i < length; i++) {
    const byte = (block[at + i] ?? 0) ^ invert;
    value = (value << 8n) | BigInt(i === 0 ? byte & 0x7f : byte);
  }
  return invert === 0 ? value : -value - 1n;
}
