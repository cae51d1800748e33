import type { Entries, Entry, FileEntry } from "./entry.ts";

export { decodeLayerIndex, encodeLayerIndex } from "./layer-index-codec.ts";

/** A listing of a layer: everything but the files' bytes. Decides about a layer without extracting it. */
export interface LayerIndex {
  /** In layer order. */
  readonly entries: readonly IndexEntry[];
  /** Bytes of the files that name users, by path, where the layer has them and they are not over 1 MiB. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** An entry without its content. */
export type IndexEntry = Exclude<Entry, FileEntry> | Omit<FileEntry, "content">;

/** What USER and --chown are looked up in. */
const KEPT_FILES: ReadonlySet<string> = new Set(["etc/passwd", "etc/group"]);
const KEPT_BYTES = 1024 * 1024;

/** Reads a layer's entries to the end. */
export async function indexLayer(entries: Entries): Promise<LayerIndex> {
  const listed: IndexEntry[] = [];
  const files = new Map<string, Uint8Array>();
  for await (const entry of entries) {
    if (KEPT_FILES.has(entry.path)) files.delete(entry.path);
    if (entry.type !== "file") {
      listed.push(entry);
      continue;
    }
    const { content, ...header } = entry;
    listed.push(header);
    if (KEPT_FILES.has(entry.path) && entry.size <= KEPT_BYTES) files.set(entry.path, await readAll(entry));
    content.close();
  }
  return { entries: listed, files };
}

async function readAll(entry: FileEntry): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for (;;) {
    const next = entry.content.next();
    const bytes = next instanceof Promise ? await next : next;
    if (bytes === undefined) return Buffer.concat(parts);
    parts.push(Buffer.from(bytes));
  }
}
