import { quoteName, tarError } from "./errors.ts";
import { isNumeric, parseNumeric, parseOctal, writeOctal } from "./numeric.ts";

/** Bytes of a header, and what everything in a tar is padded to. */
export const BLOCK = 512;

export const NAME_BYTES = 100;
export const PREFIX_BYTES = 155;

/** One header block as it stands, before extended headers apply. Strings are `latin1`, one character per byte. */
export interface TarHeader {
  readonly name: string;
  readonly linkname: string;
  /** The type flag as a character: `0` a file, `5` a directory, `\0` a file of old. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly devmajor: number;
  readonly devminor: number;
}

export function isZeroBlock(block: Buffer, at: number): boolean {
  for (let i = at; i < at + BLOCK; i++) {
    if (block[i] !== 0) return false;
  }
  return true;
}

/** The block at `at` has the checksum of a tar header. */
export function hasTarChecksum(block: Buffer, at: number): boolean {
  let sum = 8 * 0x20;
  let high = 0;
  for (let i = at; i < at + BLOCK; i++) {
    if (i === at + 148) i += 8;
    const byte = block[i] ?? 0;
    sum += byte;
    high += byte >> 7;
  }
  const stored = parseOctal(block, at + 148, 8);
  // Sun's tar summed signed bytes.
  return stored === sum || stored === sum - 256 * high;
}

/**
 * Reads the header block at `at`: v7, ustar, star or GNU, as Go's archive/tar does (reader.go
 * readHeader), including what it refuses. `offset` is the block's place in the archive, for errors.
 */
export function decodeHeader(block: Buffer, at: number, offset: number): TarHeader {
  if (!hasTarChecksum(block, at))
    throw tarError("TAR_INVALID", offset, "expected a tar header, found a wrong checksum");
  const number = (field: string, start: number, length: number): number => {
    const value = parseNumeric(block, at + start, length);
    if (value !== undefined) return value;
    throw tarError(
      "TAR_INVALID",
      offset,
      `expected a number below 2^53 as ${field}, found ${quoteField(block, at + start, length)}`,
    );
  };
  const format = formatOf(block, at);
  const prefix = format === "v7" ? "" : readPrefix(block, at, format);
  const name = readString(block, at, NAME_BYTES);
  if (format === "star") {
    number("access time", 476, 12);
    number("change time", 488, 12);
  }
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    linkname: block[at + 157] === 0 ? "" : readString(block, at + 157, NAME_BYTES),
    type: String.fromCharCode(block[at + 156] ?? 0),
    mode: number("mode", 100, 8),
    uid: number("uid", 108, 8),
    gid: number("gid", 116, 8),
    size: number("size", 124, 12),
    mtime: number("mtime", 136, 12),
    devmajor: format === "v7" ? 0 : number("device major", 329, 8),
    devminor: format === "v7" ? 0 : number("device minor", 337, 8),
  };
}

/** What {@link encodeHeader} writes. Strings that are too long are cut, numbers that are too large become 0. */
export interface HeaderFields extends TarHeader {
  /** Of a ustar name split at a slash; empty where there is none. */
  readonly prefix: string;
}

/** Writes a ustar header over the zeroed block at `at`: no user or group name. */
export function encodeHeader(block: Buffer, at: number, fields: HeaderFields): void {
  writeName(block, at, fields.name);
  writeOctal(block, at + 100, 8, fields.mode);
  writeOctal(block, at + 108, 8, fields.uid);
  writeOctal(block, at + 116, 8, fields.gid);
  writeOctal(block, at + 124, 12, fields.size);
  writeOctal(block, at + 136, 12, fields.mtime);
  block.write(fields.type, at + 156, 1, "latin1");
  if (fields.linkname !== "") writeName(block, at + 157, fields.linkname);
  writeOctal(block, at + 329, 8, fields.devmajor);
  writeOctal(block, at + 337, 8, fields.devminor);
  if (fields.prefix !== "") block.write(fields.prefix, at + 345, PREFIX_BYTES, "latin1");
  seal(block, at);
}

/** Writes the header of a PAX extended header of `size` bytes over the zeroed block at `at`. */
export function encodeExtendedHeader(block: Buffer, at: number, name: string, size: number): void {
  block.write(name.slice(0, NAME_BYTES).replace(/\/+$/, ""), at, NAME_BYTES, "latin1");
  for (const field of [100, 108, 116]) writeOctal(block, at + field, 8, 0);
  writeOctal(block, at + 124, 12, size);
  writeOctal(block, at + 136, 12, 0);
  block.write("x", at + 156, 1, "latin1");
  seal(block, at);
}

type HeaderFormat = "v7" | "ustar" | "star" | "gnu";

function formatOf(block: Buffer, at: number): HeaderFormat {
  const magic = block.toString("latin1", at + 257, at + 265);
  if (magic === "ustar  \0") return "gnu";
  if (!magic.startsWith("ustar\0")) return "v7";
  return block.toString("latin1", at + 508, at + 512) === "tar\0" ? "star" : "ustar";
}

function readPrefix(block: Buffer, at: number, format: HeaderFormat): string {
  if (block[at + 345] === 0 && format !== "gnu") return "";
  switch (format) {
    case "ustar":
      return readString(block, at + 345, PREFIX_BYTES);
    case "star":
      return readString(block, at + 345, 131);
    default:
      return readGnuPrefix(block, at);
  }
}

/**
 * GNU headers have times where ustar has the prefix. Go before 1.8 wrote a prefix there nevertheless,
 * so that where the times are none, and the prefix is ASCII, it is one (golang.org/issue/21005).
 */
function readGnuPrefix(block: Buffer, at: number): string {
  const isTime = (start: number): boolean => block[start] === 0 || isNumeric(block, start, 12);
  if (isTime(at + 345) && isTime(at + 357)) return "";
  const prefix = readString(block, at + 345, PREFIX_BYTES);
  return isAscii(prefix) ? prefix : "";
}

function readString(block: Buffer, at: number, length: number): string {
  const end = block.indexOf(0, at);
  return block.toString("latin1", at, end < 0 || end > at + length ? at + length : end);
}

export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80 || code === 0) return false;
  }
  return true;
}

function quoteField(block: Buffer, at: number, length: number): string {
  return quoteName(block.toString("latin1", at, at + length));
}

function writeName(block: Buffer, at: number, name: string): void {
  block.write(name, at, NAME_BYTES, "latin1");
  if (name.length <= NAME_BYTES || name.charCodeAt(NAME_BYTES - 1) !== 0x2f) return;
  // Old readers take a file whose cut name ends in a slash for a directory.
  const kept = name.slice(0, NAME_BYTES - 1).replace(/\/+$/, "").length;
  block[at + kept] = 0;
}

function seal(block: Buffer, at: number): void {
  block.write("ustar\x0000", at + 257, 8, "latin1");
  let sum = 8 * 0x20;
  for (let i = at; i < at + BLOCK; i++) sum += block[i] ?? 0;
  writeOctal(block, at + 148, 7, sum);
  block[at + 155] = 0x20;
}
