import { AppError, assertNever, messageOf } from "../base/errors.ts";
import type { Metadata } from "./entry.ts";
import type { IndexEntry, LayerIndex } from "./layer-index.ts";
import { isClean } from "./tar/path.ts";

/** Raised with every change of the form; an index of another version is made again. */
const VERSION = 1;

/** Compact JSON: an array for each entry, its type as one letter. */
export function encodeLayerIndex(index: LayerIndex): Buffer {
  const files = [...index.files].map(([path, bytes]) => [path, Buffer.from(bytes).toString("base64")]);
  return Buffer.from(JSON.stringify({ version: VERSION, entries: index.entries.map(encodeEntry), files }));
}

/** Throws `LAYER_INDEX_INVALID` for anything that {@link encodeLayerIndex} does not write. */
export function decodeLayerIndex(bytes: Uint8Array): LayerIndex {
  const document = parse(bytes);
  if (document["version"] !== VERSION)
    throw invalid(`expected version ${VERSION}, found ${JSON.stringify(document["version"])}`);
  const entries = list(document["entries"], "entries").map((entry, at) => decodeEntry(fields(entry, `entry ${at}`)));
  const files = list(document["files"], "files").map((file, at): [string, Uint8Array] => {
    const reader = fields(file, `file ${at}`);
    const path = reader.path();
    const content = Buffer.from(reader.text("content"), "base64");
    reader.end();
    return [path, content];
  });
  return { entries, files: new Map(files) };
}

type Field = string | number | readonly (readonly [string, string])[];

function encodeEntry(entry: IndexEntry): readonly Field[] {
  switch (entry.type) {
    case "directory":
      return ["d", entry.path, ...encodeMetadata(entry)];
    case "file":
      return ["f", entry.path, entry.size, ...encodeMetadata(entry)];
    case "symlink":
      return ["l", entry.path, entry.target, ...encodeMetadata(entry)];
    case "hardlink":
      return ["h", entry.path, entry.target, ...encodeMetadata(entry)];
    case "char":
    case "block":
      return [entry.type === "char" ? "c" : "b", entry.path, entry.major, entry.minor, ...encodeMetadata(entry)];
    case "fifo":
      return ["p", entry.path, ...encodeMetadata(entry)];
    case "whiteout":
      return ["w", entry.path];
    case "opaque":
      return ["o", entry.path];
    default:
      return assertNever(entry);
  }
}

function encodeMetadata({ mode, uid, gid, mtime, xattrs }: Metadata): readonly Field[] {
  const owned = [mode, uid, gid, String(mtime)];
  if (xattrs === undefined) return owned;
  return [...owned, [...xattrs].map(([name, value]) => [name, Buffer.from(value).toString("base64")] as const)];
}

function decodeEntry(reader: FieldReader): IndexEntry {
  const type = reader.text("type");
  const path = reader.path();
  const entry = decodeTyped(type, path, reader);
  reader.end();
  return entry;
}

function decodeTyped(type: string, path: string, reader: FieldReader): IndexEntry {
  switch (type) {
    case "d":
      return { type: "directory", path, ...reader.metadata() };
    case "f":
      return { type: "file", path, size: reader.number("size"), ...reader.metadata() };
    case "l":
      return { type: "symlink", path, target: reader.text("target"), ...reader.metadata() };
    case "h":
      return { type: "hardlink", path, target: reader.path(), ...reader.metadata() };
    case "c":
    case "b":
      return {
        type: type === "c" ? "char" : "block",
        path,
        major: reader.number("major"),
        minor: reader.number("minor"),
        ...reader.metadata(),
      };
    case "p":
      return { type: "fifo", path, ...reader.metadata() };
    case "w":
      return { type: "whiteout", path };
    case "o":
      return { type: "opaque", path };
    default:
      throw invalid(`expected an entry type, found ${JSON.stringify(type)}`);
  }
}

/** Takes the fields of one array in order. */
interface FieldReader {
  text(what: string): string;
  number(what: string): number;
  path(): string;
  metadata(): Metadata;
  end(): void;
}

function fields(value: unknown, where: string): FieldReader {
  const values = list(value, where);
  let at = 0;
  const fail = (what: string): AppError =>
    invalid(`${where}: expected ${what}, found ${JSON.stringify(values[at - 1])}`);
  const reader: FieldReader = {
    text(what) {
      const text = values[at++];
      if (typeof text === "string") return text;
      throw fail(what);
    },
    number(what) {
      const number = values[at++];
      if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
      throw fail(what);
    },
    path() {
      const path = reader.text("path");
      if (path === "" || isClean(path)) return path;
      throw fail("a clean path");
    },
    metadata() {
      const owned = {
        mode: reader.number("mode"),
        uid: reader.number("uid"),
        gid: reader.number("gid"),
        mtime: readTime(),
      };
      if (at === values.length) return owned;
      const xattrs = list(values[at++], where).map((pair): [string, Uint8Array] => {
        const [name, data, ...more] = list(pair, where);
        if (typeof name !== "string" || typeof data !== "string" || more.length > 0) throw fail("extended attributes");
        return [name, Buffer.from(data, "base64")];
      });
      return { ...owned, xattrs: new Map(xattrs) };
    },
    end() {
      if (at !== values.length) throw invalid(`${where}: expected ${at} fields, found ${values.length}`);
    },
  };
  const readTime = (): bigint => {
    const text = reader.text("mtime");
    if (/^-?\d{1,40}$/.test(text)) return BigInt(text);
    throw fail("mtime");
  };
  return reader;
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch (error) {
    throw invalid(messageOf(error), error);
  }
  throw invalid("expected an object");
}

function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(`${where}: expected an array, found ${typeof value}`);
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError("LAYER_INDEX_INVALID", `layer index: ${message}`, { cause });
}
