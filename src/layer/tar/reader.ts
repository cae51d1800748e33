import type { Entry, Metadata } from "../entry.ts";
import { quoteName, tarError } from "./errors.ts";
import { XATTR_RECORD, type PaxRecords } from "./pax.ts";
import { cleanPath, layerName } from "./path.ts";
import { RawTarReader, type RawEntry } from "./raw-reader.ts";

/** Length of a path or link target in bytes: Linux's PATH_MAX. */
const MAX_PATH = 4096;
/** No layer has as many. */
const MAX_ENTRIES = 10_000_000;

/**
 * Reads a layer's tar. What Go's archive/tar reads from it, which is what containerd and Docker see,
 * is read the same or refused; what has no place in a layer is refused too (see tar/errors.ts).
 *
 * Names become {@link Entry.path}, markers become whiteout and opaque entries. An entry's content is
 * good until the next entry is asked for, and may be left unread. Bytes after the end are not read.
 * More than `maxEntries`, and paths longer than Linux has them, are refused with `TAR_LIMIT`.
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxEntries = MAX_ENTRIES,
): AsyncGenerator<Entry, void, undefined> {
  const reader = new RawTarReader(chunks);
  let room = maxEntries;
  try {
    for (;;) {
      const step = reader.next();
      const raw = step instanceof Promise ? await step : step;
      if (raw === undefined) return;
      if (room-- <= 0) throw tarError("TAR_LIMIT", raw.offset, `more than ${maxEntries} entries`);
      const entry = toEntry(raw);
      if (entry !== undefined) yield entry;
    }
  } finally {
    await reader.close();
  }
}

function toEntry(raw: RawEntry): Entry | undefined {
  // Docker and containerd take no notice of global headers either.
  if (raw.type === "g") return undefined;
  checkLength(raw.name, raw.offset);
  const name = layerName(cleanPath(raw.name, raw.offset), raw.offset);
  if (name.kind === "ignored") return undefined;
  const { path } = name;
  if (name.kind !== "object") return { type: name.kind, path };
  const metadata = metadataOf(raw);
  if (path === "" && raw.type !== "5")
    throw tarError("TAR_UNSAFE_PATH", raw.offset, "the root can be a directory only");
  switch (raw.type) {
    case "0":
      return { type: "file", path, ...metadata, size: raw.size, content: raw.content };
    case "1":
      return { type: "hardlink", path, ...metadata, target: hardlinkTarget(raw) };
    case "2":
      return { type: "symlink", path, ...metadata, target: symlinkTarget(raw) };
    case "3":
    case "4":
      return { type: raw.type === "3" ? "char" : "block", path, ...metadata, ...deviceNumbers(raw) };
    case "5":
      return { type: "directory", path, ...metadata };
    case "6":
      return { type: "fifo", path, ...metadata };
    default:
      throw tarError(
        "TAR_UNSUPPORTED",
        raw.offset,
        `${quoteName(raw.name)} is of type ${quoteName(raw.type)}, which no layer has`,
      );
  }
}

function checkLength(name: string, offset: number): void {
  if (name.length <= MAX_PATH) return;
  throw tarError("TAR_LIMIT", offset, `${quoteName(name)}: name of ${name.length} bytes, ${MAX_PATH} is the limit`);
}

function metadataOf(raw: RawEntry): Metadata {
  const { uid, gid, mtime } = raw;
  checkOwner("uid", uid, raw);
  checkOwner("gid", gid, raw);
  // Some writers put the file type above the permissions; the low 12 bits are the same to all readers.
  const mode = (raw.mode % 0o10000) & 0o7777;
  const xattrs = xattrsOf(raw.pax);
  return xattrs === undefined ? { mode, uid, gid, mtime } : { mode, uid, gid, mtime, xattrs };
}

/** Linux ids have 32 bits, of which the highest value means none. */
function checkOwner(field: string, id: number, raw: RawEntry): void {
  if (id >= 0 && id < 0xffffffff) return;
  throw tarError(
    "TAR_UNSUPPORTED",
    raw.offset,
    `${quoteName(raw.name)}: expected ${field} 0 to 4294967294, found ${id}`,
  );
}

function xattrsOf(pax: PaxRecords): Map<string, Uint8Array> | undefined {
  if (pax.size === 0) return undefined;
  let xattrs: Map<string, Uint8Array> | undefined;
  for (const [key, value] of pax) {
    if (!key.startsWith(XATTR_RECORD)) continue;
    xattrs ??= new Map();
    xattrs.set(key.slice(XATTR_RECORD.length), Buffer.from(value, "latin1"));
  }
  return xattrs;
}

function hardlinkTarget(raw: RawEntry): string {
  checkLength(raw.linkname, raw.offset);
  const target = layerName(cleanPath(raw.linkname, raw.offset), raw.offset);
  if (target.kind === "object" && target.path !== "") return target.path;
  throw tarError(
    "TAR_INVALID",
    raw.offset,
    `${quoteName(raw.name)} is a hard link to ${quoteName(raw.linkname)}, which is no file`,
  );
}

function symlinkTarget(raw: RawEntry): string {
  checkLength(raw.linkname, raw.offset);
  if (raw.linkname !== "") return raw.linkname;
  throw tarError("TAR_INVALID", raw.offset, `${quoteName(raw.name)} is a symbolic link to nothing`);
}

function deviceNumbers(raw: RawEntry): { major: number; minor: number } {
  const { devmajor: major, devminor: minor } = raw;
  // Linux: 12 and 20 bits.
  if (major >= 0 && major < 2 ** 12 && minor >= 0 && minor < 2 ** 20) return { major, minor };
  throw tarError("TAR_UNSUPPORTED", raw.offset, `${quoteName(raw.name)}: no device ${major}:${minor} can exist`);
}
