import type { Content, Entry } from "../../src/layer/entry.ts";
import { closeSync, openSync, writeSync } from "node:fs";
import { readLayer } from "../../src/layer/read-layer.ts";
import { writeLayer } from "../../src/layer/write-layer.ts";

// Writes a layer of SIZE bytes to FILE, reads it back and prints the most memory that took, in MiB.
const [kind = "gzip", size = "0", file = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const descriptor = openSync(file, "w");
const layer = await writeLayer(entries(Number(size)), {
  compression: { kind: kind as "gzip" | "zstd" | "none" },
  sink: { write: (chunk) => void writeSync(descriptor, chunk) },
  signal,
});
closeSync(descriptor);
let read = 0;
for await (const entry of readLayer(file, { kind: kind as "gzip", ...layer, blob: layer, signal })) {
  if (entry.type !== "file") continue;
  for (let bytes = await entry.content.next(); bytes !== undefined; bytes = await entry.content.next())
    read += bytes.length;
}
process.stdout.write(JSON.stringify({ read, mebibytes: Math.round(process.resourceUsage().maxRSS / 1024) }));

/** One file of half the size and many of the other half. */
function* entries(bytes: number): Generator<Entry> {
  const owned = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };
  yield { type: "file", path: "large", ...owned, size: bytes / 2, content: zeros(bytes / 2) };
  for (let i = 0; i < bytes / 2 / 65536; i++)
    yield { type: "file", path: `small/${i}`, ...owned, size: 65536, content: zeros(65536) };
}

function zeros(bytes: number): Content {
  const buffer = Buffer.alloc(65536);
  let left = bytes;
  return {
    next() {
      const count = Math.min(left, buffer.length);
      left -= count;
      // Not the same all over, lest it compress to nothing.
      buffer.writeDoubleLE(Math.sqrt(left), 0);
      return count === 0 ? undefined : buffer.subarray(0, count);
    },
    close() {},
  };
}
