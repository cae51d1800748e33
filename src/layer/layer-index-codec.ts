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
  const entries = list(document["entries"], "entries").map((entry, at) =>
    decodeEntry(new FieldReader(entry, `entry ${at}`)),
  );
  const files = list(document["files"], "files").map((file, at): [string, Uint8Array] => {
    const reader = new FieldReader(file, `file ${at}`);
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
class FieldReader {
  readonly #values: readonly unknown[];
  readonly #where: string;
  #at = 0;

  constructor(value: unknown, where: string) {
    this.#values = list(value, where);
    this.#where = where;
  }

  text(what: string): string {
    const text = this.#values[this.#at++];
    if (typeof text === "string") return text;
    throw this.#unexpected(what);
  }

  number(what: string): number {
    const number = this.#values[this.#at++];
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
    throw this.#unexpected(what);
  }

  path(): string {
    const path = this.text("path");
    if (path === "" || isClean(path)) return path;
    throw this.#unexpected("a clean path");
  }

  metadata(): Metadata {
    const owned = { mode: this.number("mode"), uid: this.number("uid"), gid: this.number("gid"), mtime: this.#time() };
    if (this.#at === this.#values.length) return owned;
    return { ...owned, xattrs: this.#xattrs() };
  }

  end(): void {
    if (this.#at === this.#values.length) return;
    throw invalid(`${this.#where}: expected ${this.#at} fields, found ${this.#values.length}`);
  }

  #time(): bigint {
    const text = this.text("mtime");
    if (/^-?\d{1,40}$/.test(text)) return BigInt(text);
    throw this.#unexpected("mtime");
  }

  #xattrs(): Map<string, Uint8Array> {
    const pairs = list(this.#values[this.#at++], this.#where).map((pair): [string, Uint8Array] => {
      const [name, data, ...more] = list(pair, this.#where);
      if (typeof name === "string" && typeof data === "string" && more.length === 0)
        return [name, Buffer.from(data, "base64")];
      throw this.#unexpected("extended attributes");
    });
    return new Map(pairs);
  }

  #unexpected(what: string): AppError {
    return invalid(`${this.#where}: expected ${what}, found ${JSON.stringify(this.#values[this.#at - 1])}`);
  }
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
