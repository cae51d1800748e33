import { quoteName, tarError } from "./errors.ts";
import type { TarHeader } from "./header.ts";
import { parsePaxInteger, parsePaxTime, type PaxRecords } from "./pax.ts";

const SECOND = 1_000_000_000n;
const NO_RECORDS: PaxRecords = new Map();

/** What the headers before an entry say about it. */
export interface PendingHeaders {
  pax?: PaxRecords;
  name?: string;
  linkname?: string;
}

/** An entry's header with everything that was said about it before. */
export interface ExtendedHeader extends Omit<TarHeader, "mtime"> {
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  readonly pax: PaxRecords;
}

/** A GNU long name counts more than a PAX path, and empty ones count not at all: as in Go. */
export function applyExtensions(header: TarHeader, pending: PendingHeaders, offset: number): ExtendedHeader {
  const pax = pending.pax ?? NO_RECORDS;
  const entry = {
    name: pending.name || pax.get("path") || header.name,
    linkname: pending.linkname || pax.get("linkpath") || header.linkname,
    type: header.type,
    mode: header.mode,
    uid: paxNumber(pax, "uid", offset) ?? header.uid,
    gid: paxNumber(pax, "gid", offset) ?? header.gid,
    size: paxNumber(pax, "size", offset) ?? header.size,
    mtime: paxTime(pax, "mtime", offset) ?? BigInt(header.mtime) * SECOND,
    devmajor: header.devmajor,
    devminor: header.devminor,
    pax,
  };
  for (const key of ["atime", "ctime"]) paxTime(pax, key, offset);
  // Archives older than ustar mark a directory by its trailing slash.
  if (entry.type === "\0") entry.type = entry.name.endsWith("/") ? "5" : "0";
  return entry;
}

function paxNumber(pax: PaxRecords, key: string, offset: number): number | undefined {
  const text = pax.get(key);
  if (text === undefined || text === "") return undefined;
  const value = Number(parsePaxInteger(text) ?? Number.NaN);
  if (Number.isSafeInteger(value)) return value;
  throw tarError("TAR_INVALID", offset, `expected a number below 2^53 as PAX ${key}, found ${quoteName(text)}`);
}

function paxTime(pax: PaxRecords, key: string, offset: number): bigint | undefined {
  const text = pax.get(key);
  if (text === undefined || text === "") return undefined;
  const value = parsePaxTime(text);
  if (value !== undefined) return value;
  throw tarError("TAR_INVALID", offset, `expected a time as PAX ${key}, found ${quoteName(text)}`);
}
