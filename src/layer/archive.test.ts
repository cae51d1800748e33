import { execFileSync } from "node:child_process";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { expect, test } from "vitest";
import { beginsArchive, isArchive, openArchive } from "./archive.ts";
import { tarBlocks } from "./tar/writer.ts";
import { chunked, codeOf, collect } from "./testing/collect.ts";

const { signal } = new AbortController();
const TAR = await collect(tarBlocks([{ type: "fifo", path: "f", mode: 0o644, uid: 0, gid: 0, mtime: 0n }]));

const through = (program: string, bytes: Buffer): Buffer => execFileSync(program, ["-c"], { input: bytes });
const PACKED = {
  plain: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gzipSync(bytes),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes),
  bzip2: (bytes: Buffer) => through("bzip2", bytes),
  xz: (bytes: Buffer) => through("xz", bytes),
};

function opener(bytes: Buffer): () => AsyncGenerator<Uint8Array> {
  return () => chunked(bytes, [100]);
}

test.each(Object.entries(PACKED))("%s: a tar is an archive, other bytes are none", async (_name, pack) => {
  expect(await isArchive(opener(pack(TAR)), { signal })).toBe(true);
  expect(beginsArchive(pack(TAR))).toBe(true);
  expect((await collect(openArchive(opener(pack(TAR)), { signal }))).equals(TAR)).toBe(true);
  for (const other of [Buffer.from("no tar"), Buffer.alloc(2000, "x")]) {
    expect(await isArchive(opener(pack(other)), { signal })).toBe(false);
  }
});

test.each(["gzip", "zstd", "bzip2", "xz"] as const)(
  "%s: what is cut is damaged; its first bytes are no archive",
  async (name) => {
    const packed = PACKED[name](Buffer.concat([TAR, Buffer.alloc(100_000, "some text ")]));
    const cut = packed.subarray(0, packed.length - 8);
    expect(await codeOf(collect(openArchive(opener(cut), { signal })))).toBe("LAYER_CORRUPT");
    expect(await isArchive(opener(packed.subarray(0, 10)), { signal })).toBe(false);
  },
);

test("a decoder's own words are in its error", async () => {
  const packed = PACKED.xz(TAR);
  await expect(collect(openArchive(opener(packed.subarray(0, 40)), { signal }))).rejects.toMatchObject({
    message: expect.stringContaining("Unexpected end of input"),
  });
});

test("an abort, and a source that fails, end a decoder", async () => {
  const packed = PACKED.xz(Buffer.alloc(50_000_000));
  const stop = new AbortController();
  const reason = new Error("stop");
  const reading = (async () => {
    for await (const _ of openArchive(opener(packed), { signal: stop.signal })) stop.abort(reason);
  })();
  await expect(reading).rejects.toBe(reason);
  const failure = new Error("gone");
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield packed.subarray(0, 600);
    throw failure;
  };
  await expect(collect(openArchive(failing, { signal }))).rejects.toBe(failure);
});
