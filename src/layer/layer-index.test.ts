import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import type { Entry } from "./entry.ts";
import { bytesContent } from "./file-content.ts";
import { decodeLayerIndex, encodeLayerIndex, indexLayer } from "./layer-index.ts";
import { arbitraryEntry, toEntry } from "./testing/arbitrary-entries.ts";
import { tarBlocks } from "./tar/writer.ts";
import { readTar } from "./tar/reader.ts";
import { chunked, collect } from "./testing/collect.ts";

const OWNED = { mode: 0o644, uid: 0, gid: 0, mtime: -5n };

function file(path: string, text: string): Entry {
  return { type: "file", path, ...OWNED, size: text.length, content: bytesContent(Buffer.from(text)) };
}

test("lists every entry, and is the same after encoding", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryEntry(), { maxLength: 8 }), async (entries) => {
      const index = await indexLayer(entries.map(toEntry));
      expect(index.entries).toEqual(entries.map((entry) => ("bytes" in entry ? without(entry) : entry)));
      const again = decodeLayerIndex(encodeLayerIndex(index));
      expect(encodeLayerIndex(again).equals(encodeLayerIndex(index))).toBe(true);
      expect(again.entries).toHaveLength(index.entries.length);
    }),
    { numRuns: 100 },
  );
});

function without<T extends { readonly bytes: Uint8Array }>(entry: T): Omit<T, "bytes"> {
  const { bytes: _, ...rest } = entry;
  return rest;
}

test("keeps the files that name users: the last of several, none over 1 MiB, none that was removed", async () => {
  const tar = await collect(
    tarBlocks([
      file("etc/passwd", "old"),
      file("etc/group", "g".repeat(1024 * 1024 + 1)),
      file("etc/passwd", "root:x:0:0"),
      file("etc/other", "no"),
    ]),
  );
  const { files } = decodeLayerIndex(encodeLayerIndex(await indexLayer(readTar(chunked(tar, [300])))));
  expect([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])).toEqual([
    ["etc/passwd", "root:x:0:0"],
  ]);
  const removed = await indexLayer([file("etc/passwd", "old"), { type: "whiteout", path: "etc/passwd" }]);
  expect(removed.files.size).toBe(0);
});

test.each([
  ["nothing", ""],
  ["no JSON", "{"],
  ["no object", "[]"],
  ["another version", '{"version":2,"entries":[],"files":[]}'],
  ["no entries", '{"version":1,"files":[]}'],
  ["no files", '{"version":1,"entries":[]}'],
  ["an unknown type", '{"version":1,"entries":[["z","a"]],"files":[]}'],
  ["an unclean path", '{"version":1,"entries":[["w","a//b"]],"files":[]}'],
  ["a path that leads out", '{"version":1,"entries":[["w","../b"]],"files":[]}'],
  ["a missing field", '{"version":1,"entries":[["p","a",0,0,0]],"files":[]}'],
  ["one field too many", '{"version":1,"entries":[["w","a",1]],"files":[]}'],
  ["a mode that is no number", '{"version":1,"entries":[["p","a","0",0,0,"0"]],"files":[]}'],
  ["a time that is none", '{"version":1,"entries":[["p","a",0,0,0,"1e3"]],"files":[]}'],
  ["attributes that are none", '{"version":1,"entries":[["p","a",0,0,0,"0",[["x"]]]],"files":[]}'],
  ["a file that is none", '{"version":1,"entries":[],"files":[["etc/passwd"]]}'],
])("refuses %s", (_, text) => {
  expect(() => decodeLayerIndex(Buffer.from(text))).toThrow(expect.objectContaining({ code: "LAYER_INDEX_INVALID" }));
  expect(() => decodeLayerIndex(Buffer.from(text))).toThrow(AppError);
});
