import type { Entries, Entry } from "../entry.ts";
import type { PlainEntry } from "./arbitrary-entries.ts";

/** Everything in one piece. */
export async function collect(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

/** All entries with their bytes. */
export async function collectEntries(entries: Entries): Promise<readonly PlainEntry[]> {
  const found: PlainEntry[] = [];
  for await (const entry of entries) {
    if (entry.type !== "file") {
      found.push(plainXattrs(entry));
      continue;
    }
    const { content, ...header } = plainXattrs(entry);
    const parts: Buffer[] = [];
    for (let bytes = await content.next(); bytes !== undefined; bytes = await content.next())
      parts.push(Buffer.from(bytes));
    found.push({ ...header, bytes: Uint8Array.from(Buffer.concat(parts)) });
  }
  return found;
}

/** A Buffer does not equal a Uint8Array of the same bytes. */
function plainXattrs<T extends Entry>(entry: T): T {
  if (!("xattrs" in entry) || entry.xattrs === undefined) return entry;
  return { ...entry, xattrs: new Map([...entry.xattrs].map(([name, value]) => [name, Uint8Array.from(value)])) };
}

/** Cuts `bytes` into chunks of the given lengths, over and over. */
export async function* chunked(
  bytes: Uint8Array,
  lengths: readonly number[],
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? bytes.length;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
  );
}
