import { tarError } from "./errors.ts";

/** The prefix of records that carry extended attributes. */
export const XATTR_RECORD = "SCHILY.xattr.";

/** Records by key; both are `latin1` strings, one character per byte. */
export type PaxRecords = ReadonlyMap<string, string>;

const SECOND = 1_000_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * Reads the records of an extended header, as Go's archive/tar does (strconv.go parsePAXRecord): the
 * last of equal keys counts. GNU's sparse file records are refused, see {@link SPARSE}.
 */
export function parsePax(data: Buffer, offset: number): PaxRecords {
  const records = new Map<string, string>();
  let at = 0;
  while (at < data.length) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? "" : data.toString("latin1", at, space);
    const length = /^\+?\d{1,19}$/.test(digits) ? Number(digits) : 0;
    const end = at + length;
    if (length < 5 || end > data.length || end <= space + 1 || data[end - 1] !== 0x0a) {
      throw tarError("TAR_INVALID", offset + at, "expected a PAX record, found a wrong length");
    }
    const record = data.toString("latin1", space + 1, end - 1);
    const equals = record.indexOf("=");
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (equals < 1 || !isValidRecord(key, value)) {
      throw tarError("TAR_INVALID", offset + at, "expected a PAX record KEY=VALUE, found no key or a NUL");
    }
    if (key.startsWith(SPARSE))
      throw tarError("TAR_UNSUPPORTED", offset + at, "sparse files are not allowed in a layer");
    records.set(key, value);
    at = end;
  }
  return records;
}

/** The OCI image specification forbids sparse entries in layers. */
const SPARSE = "GNU.sparse.";

/** `LENGTH KEY=VALUE\n` as bytes. The length counts itself. */
export function formatPaxRecord(key: string, value: string): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`, "latin1");
}

/** Names and values that a record cannot hold would change their meaning on the way. */
export function isValidRecord(key: string, value: string): boolean {
  if (key === "" || key.includes("=")) return false;
  const isText = key === "path" || key === "linkpath" || key === "uname" || key === "gname";
  return !(isText ? value : key).includes("\0");
}

/** A decimal integer as Go's strconv.ParseInt takes it; undefined for anything else. */
export function parsePaxInteger(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text) || text.length > 40) return undefined;
  const value = text.startsWith("+") ? BigInt(text.slice(1)) : BigInt(text);
  return value >= INT64_MIN && value <= INT64_MAX ? value : undefined;
}

/** Seconds with any number of decimals, to nanoseconds; what is finer is dropped. */
export function parsePaxTime(text: string): bigint | undefined {
  const dot = text.indexOf(".");
  const seconds = parsePaxInteger(dot < 0 ? text : text.slice(0, dot));
  const decimals = dot < 0 ? "" : text.slice(dot + 1);
  if (seconds === undefined || !/^\d*$/.test(decimals)) return undefined;
  const fraction = BigInt(decimals.slice(0, 9).padEnd(9, "0"));
  return seconds * SECOND + (text.startsWith("-") ? -fraction : fraction);
}

/** The shortest decimal form of `nanoseconds` in seconds. */
export function formatPaxTime(nanoseconds: bigint): string {
  const absolute = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const sign = nanoseconds < 0n ? "-" : "";
  const fraction = String(absolute % SECOND)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${sign}${absolute / SECOND}${fraction === "" ? "" : `.${fraction}`}`;
}
