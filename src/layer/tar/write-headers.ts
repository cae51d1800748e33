import { AppError, assertNever } from "../../base/errors.ts";
import type { Entry, Metadata } from "../entry.ts";
import type { BlockFiller } from "./block-filler.ts";
import { quoteName } from "./errors.ts";
import { encodeExtendedHeader, encodeHeader, isAscii, NAME_BYTES, PREFIX_BYTES, type HeaderFields } from "./header.ts";
import { fitsOctal } from "./numeric.ts";
import { formatPaxRecord, formatPaxTime, isValidRecord, XATTR_RECORD } from "./pax.ts";
import type { TarWriteOptions } from "./writer.ts";

const SECOND = 1_000_000_000n;
/** What a reader of ours and of Go's takes. */
const EXTENDED_BYTES = 1024 * 1024;

/** Writes what stands before an entry's content, choosing formats as Go's archive/tar does (allowedFormats). */
export function writeHeaders(out: BlockFiller, entry: Entry, options: TarWriteOptions): void {
  const plain = plainHeader(entry);
  const mtime = "mtime" in entry ? writtenTime(entry, options) : 0n;
  const seconds = Number(floorSeconds(mtime));
  const fields: MutableFields = { ...plain, mtime: fitsOctal(12, seconds) ? seconds : 0 };
  const split = splitName(plain.name);
  const xattrs = "xattrs" in entry ? entry.xattrs : undefined;
  if (isUstar(fields, split !== undefined, mtime, seconds) && (xattrs === undefined || xattrs.size === 0)) {
    if (split !== undefined && plain.name.length > NAME_BYTES) {
      fields.prefix = plain.name.slice(0, split);
      fields.name = plain.name.slice(split + 1);
    }
  } else {
    writeExtended(out, plain.name, paxRecords(entry.path, plain, mtime, seconds, xattrs));
    fields.name = asciiOnly(plain.name);
    fields.linkname = asciiOnly(plain.linkname);
  }
  const { block, at } = out.header();
  encodeHeader(block, at, fields);
}

type MutableFields = { -readonly [K in keyof HeaderFields]: HeaderFields[K] };

function plainHeader(entry: Entry): HeaderFields {
  const base = {
    name: entry.path,
    prefix: "",
    linkname: "",
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: 0,
    devmajor: 0,
    devminor: 0,
  };
  switch (entry.type) {
    case "directory":
      return { ...base, ...owned(entry), type: "5", name: entry.path === "" ? "./" : `${entry.path}/` };
    case "file":
      return { ...base, ...owned(entry), type: "0", size: entry.size };
    case "symlink":
      return { ...base, ...owned(entry), type: "2", linkname: entry.target };
    case "hardlink":
      return { ...base, ...owned(entry), type: "1", linkname: entry.target };
    case "char":
    case "block":
      return {
        ...base,
        ...owned(entry),
        type: entry.type === "char" ? "3" : "4",
        devmajor: entry.major,
        devminor: entry.minor,
      };
    case "fifo":
      return { ...base, ...owned(entry), type: "6" };
    case "whiteout":
      return { ...base, type: "0", name: marker(entry.path) };
    case "opaque":
      return { ...base, type: "0", name: entry.path === "" ? ".wh..wh..opq" : `${entry.path}/.wh..wh..opq` };
    default:
      return assertNever(entry);
  }
}

function owned(entry: Metadata): Pick<HeaderFields, "mode" | "uid" | "gid"> {
  return { mode: entry.mode & 0o7777, uid: entry.uid, gid: entry.gid };
}

function marker(path: string): string {
  const slash = path.lastIndexOf("/");
  return `${path.slice(0, slash + 1)}.wh.${path.slice(slash + 1)}`;
}

function writtenTime(entry: Metadata, options: TarWriteOptions): bigint {
  const { clampMtime, wholeSeconds } = options;
  const time = clampMtime !== undefined && entry.mtime > clampMtime ? clampMtime : entry.mtime;
  return wholeSeconds === true ? floorSeconds(time) * SECOND : time;
}

function floorSeconds(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / SECOND;
  return nanoseconds < 0n && seconds * SECOND !== nanoseconds ? seconds - 1n : seconds;
}

/** Where a long name divides into ustar's prefix and name, at a slash; undefined where it cannot. */
function splitName(name: string): number | undefined {
  if (name.length <= NAME_BYTES) return undefined;
  const limit = name.length > PREFIX_BYTES + 1 ? PREFIX_BYTES : name.length - (name.endsWith("/") ? 2 : 1);
  const slash = name.lastIndexOf("/", limit);
  const rest = name.length - slash - 1;
  return slash > 0 && rest > 0 && rest <= NAME_BYTES && isAscii(name) ? slash : undefined;
}

function isUstar(fields: HeaderFields, isSplit: boolean, mtime: bigint, seconds: number): boolean {
  return (
    (fields.name.length <= NAME_BYTES || isSplit) &&
    fields.linkname.length <= NAME_BYTES &&
    fitsOctal(8, fields.uid) &&
    fitsOctal(8, fields.gid) &&
    fitsOctal(12, fields.size) &&
    fitsOctal(12, seconds) &&
    BigInt(seconds) * SECOND === mtime &&
    isAscii(fields.name) &&
    isAscii(fields.linkname)
  );
}

/** The records of what the header has no room for. */
function paxRecords(
  path: string,
  plain: HeaderFields,
  mtime: bigint,
  seconds: number,
  xattrs: ReadonlyMap<string, Uint8Array> | undefined,
): Map<string, string> {
  const records = new Map<string, string>();
  const { name, linkname, uid, gid, size } = plain;
  if (name.length > NAME_BYTES || !isAscii(name)) records.set("path", name);
  if (linkname.length > NAME_BYTES || !isAscii(linkname)) records.set("linkpath", linkname);
  if (!fitsOctal(8, uid)) records.set("uid", String(uid));
  if (!fitsOctal(8, gid)) records.set("gid", String(gid));
  if (!fitsOctal(12, size)) records.set("size", String(size));
  if (!fitsOctal(12, seconds) || BigInt(seconds) * SECOND !== mtime) records.set("mtime", formatPaxTime(mtime));
  for (const [key, value] of xattrs ?? []) {
    records.set(XATTR_RECORD + key, Buffer.from(value.buffer, value.byteOffset, value.length).toString("latin1"));
  }
  for (const [key, value] of records) {
    if (isValidRecord(key, value)) continue;
    throw new AppError("LAYER_UNREPRESENTABLE", `${quoteName(path)}: no tar can hold ${quoteName(`${key}=${value}`)}`);
  }
  return records;
}

function writeExtended(out: BlockFiller, name: string, records: ReadonlyMap<string, string>): void {
  if (records.size === 0) return;
  const keys = [...records.keys()].sort();
  const data = Buffer.concat(keys.map((key) => formatPaxRecord(key, records.get(key) ?? "")));
  if (data.length > EXTENDED_BYTES) {
    throw new AppError(
      "LAYER_UNREPRESENTABLE",
      `${quoteName(name)}: ${data.length} bytes of extended attributes, 1 MiB is the limit`,
    );
  }
  const { block, at } = out.header();
  encodeExtendedHeader(block, at, asciiOnly(extendedName(name)), data.length);
  out.append(data);
  out.pad();
}

/** `a/b` to `a/PaxHeaders.0/b`, by Go's path.Join: the name that readers without PAX show. */
function extendedName(name: string): string {
  const slash = name.lastIndexOf("/");
  const directory = slash <= 0 ? "" : name.slice(0, slash);
  const parts = [directory === "." ? "" : directory, "PaxHeaders.0", name.slice(slash + 1)];
  return parts.filter((part) => part !== "").join("/");
}

/** As Go's toASCII: what a reader without PAX is shown has the other bytes left out. */
function asciiOnly(text: string): string {
  return isAscii(text) ? text : text.replace(/[^\x01-\x7f]/g, "");
}
