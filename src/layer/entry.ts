/**
 * One file system object of a layer, in the vocabulary of the tar that carries it.
 *
 * Everything that makes layers (the tar reader, the overlay diff, COPY) yields entries and everything
 * that consumes them (the tar writer, the extractor) takes them, so that any source joins any sink.
 *
 * Names are `latin1` strings: one character per byte, as tar headers are bytes and file names need
 * not be UTF-8. `fromUtf8` and `toUtf8` convert at the edges, without loss. `path` is relative, clean, has
 * no leading or trailing slash and no `.` or `..` component; the root itself is `""`.
 */
export type Entry =
  | DirectoryEntry
  | FileEntry
  | SymlinkEntry
  | HardlinkEntry
  | DeviceEntry
  | FifoEntry
  | WhiteoutEntry
  | OpaqueEntry;

export interface Metadata {
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Modification time in nanoseconds since the epoch; may be negative. */
  readonly mtime: bigint;
  /** Extended attributes by full name; values are raw bytes. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
}

interface At {
  readonly path: string;
}

export interface DirectoryEntry extends At, Metadata {
  readonly type: "directory";
}
export interface FileEntry extends At, Metadata {
  readonly type: "file";
  /** Content length in bytes. */
  readonly size: number;
  readonly content: Content;
}
export interface SymlinkEntry extends At, Metadata {
  readonly type: "symlink";
  /** The link's text, byte for byte. */
  readonly target: string;
}
export interface HardlinkEntry extends At, Metadata {
  readonly type: "hardlink";
  /** The clean path of the entry it is another name of; earlier in this layer or in a lower one. */
  readonly target: string;
}
export interface DeviceEntry extends At, Metadata {
  readonly type: "char" | "block";
  readonly major: number;
  readonly minor: number;
}
export interface FifoEntry extends At, Metadata {
  readonly type: "fifo";
}
/** `.wh.NAME`: `path` (NAME, not the marker) is absent from here up. */
export interface WhiteoutEntry extends At {
  readonly type: "whiteout";
}
/** `.wh..wh..opq`: what lower layers hold inside the directory `path` is hidden. */
export interface OpaqueEntry extends At {
  readonly type: "opaque";
}

/**
 * Where a file's bytes come from. Read once, in order, before the next entry is asked for.
 * A source that ends early or goes on past `size` is an error of the sink's, `LAYER_CONTENT_CHANGED`.
 */
export interface Content {
  /**
   * The next bytes, or undefined at the end. The view is valid until the next call. Answers directly
   * where it can (a file on disk, a decompressed block at hand) and with a promise only where it must
   * wait: awaiting every small file would cost more than reading it.
   */
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Frees what reading took; called by the sink when done, also on failure. */
  close(): void;
}

/** A run of entries in layer order. Sinks take both; `for await` reads either. */
export type Entries = Iterable<Entry> | AsyncIterable<Entry>;

export { nameOfText as fromUtf8, textOfName as toUtf8 } from "../base/utf8.ts";
