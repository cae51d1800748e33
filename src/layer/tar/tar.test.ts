import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BlockPool } from "../block-pool.ts";
import type { Content, Entry } from "../entry.ts";
import { bytesContent } from "../file-content.ts";
import { arbitraryEntry, toEntry } from "../testing/arbitrary-entries.ts";
import { chunked, codeOf, collect, collectEntries } from "../testing/collect.ts";
import { readTar } from "./reader.ts";
import { tarBlocks } from "./writer.ts";

const OWNED = { mode: 0o644, uid: 0, gid: 0, mtime: 0n };

function file(path: string, text: string): Entry {
  return { type: "file", path, ...OWNED, size: text.length, content: bytesContent(Buffer.from(text)) };
}

test("what was written is read again, however it is cut into chunks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbitraryEntry(), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(512, 1024, 4096, 1 << 20),
      async (entries, lengths, blockBytes) => {
        const tar = await collect(tarBlocks(entries.map(toEntry), { pool: new BlockPool(blockBytes) }));
        expect(await collectEntries(readTar(chunked(tar, lengths)))).toEqual(entries);
      },
    ),
    { numRuns: 300 },
  );
});

test("content may be left unread or half read", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(arbitraryEntry(), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat(3), { minLength: 1 }),
      async (entries, lengths, reads) => {
        const tar = await collect(tarBlocks(entries.map(toEntry)));
        const paths: string[] = [];
        for await (const entry of readTar(chunked(tar, lengths))) {
          const count = reads[paths.length % reads.length] ?? 0;
          paths.push(entry.path);
          if (entry.type === "file") for (let i = 0; i < count; i++) await entry.content.next();
        }
        expect(paths).toEqual(entries.map((entry) => entry.path));
      },
    ),
    { numRuns: 100 },
  );
});

describe("reader", () => {
  test("answers without a promise while the bytes are at hand", async () => {
    const tar = await collect(tarBlocks([file("a", "content")]));
    for await (const entry of readTar([tar])) {
      const bytes = entry.type === "file" ? entry.content.next() : undefined;
      expect(bytes).toBeInstanceOf(Uint8Array);
    }
  });

  test("refuses to read content that has passed", async () => {
    const tar = await collect(tarBlocks([file("a", "content"), file("b", "")]));
    const contents: Content[] = [];
    await collectEach(tar, (entry) => entry.type === "file" && contents.push(entry.content));
    expect(() => contents[0]?.next()).toThrow("after the next entry");
  });

  test("closes its source when the consumer stops", async () => {
    const tar = await collect(tarBlocks([file("a", "x"), file("b", "y")]));
    let closed = false;
    const source = (async function* () {
      try {
        yield* chunked(tar, [512]);
      } finally {
        closed = true;
      }
    })();
    for await (const entry of readTar(source)) {
      expect(entry.path).toBe("a");
      break;
    }
    expect(closed).toBe(true);
  });

  test("refuses a longer path and a longer target than Linux has", async () => {
    const long = "a/".repeat(2048);
    const link = (target: string): Entry => ({ type: "symlink", path: "l", ...OWNED, target });
    for (const entry of [file(`${long}b`, ""), link(`${long}b`)]) {
      expect(await codeOf(collectEntries(readTar([await collect(tarBlocks([entry]))])))).toBe("TAR_LIMIT");
    }
    for (const entry of [file(long.slice(0, -1), ""), link(long)]) {
      expect(await collectEntries(readTar([await collect(tarBlocks([entry]))]))).toHaveLength(1);
    }
  });

  test("refuses more entries than its limit", async () => {
    const tar = await collect(tarBlocks([file("first", ""), file("second", "")]));
    expect(await collectEntries(readTar([tar], 2))).toHaveLength(2);
    expect(await codeOf(collectEntries(readTar([tar], 1)))).toBe("TAR_LIMIT");
  });
});

async function collectEach(tar: Buffer, visit: (entry: Entry) => unknown): Promise<void> {
  for await (const entry of readTar([tar])) visit(entry);
}

describe("writer", () => {
  test("fills blocks of equal length, and takes no more of them than are in use", async () => {
    const pool = new BlockPool(4096);
    const taken = new Set<ArrayBufferLike>();
    const lengths: number[] = [];
    for await (const block of tarBlocks([file("a", "x".repeat(100_000)), file("b", "y")], { pool })) {
      lengths.push(block.length);
      taken.add(block.buffer);
      pool.give(block);
    }
    expect(lengths.slice(0, -1).every((length) => length === 4096)).toBe(true);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(512 + 100_352 + 512 + 512 + 1024);
    expect(taken.size).toBeLessThanOrEqual(30);
  });

  test.each([
    ["shorter", "abc", 4],
    ["longer", "abc", 2],
    ["absent", "", 1],
    ["not empty", "a", 0],
  ])("refuses content that is %s than said, names it and closes it", async (_, text, size) => {
    let closed = false;
    const { next } = bytesContent(Buffer.from(text));
    const content: Content = { next, close: () => (closed = true) };
    const work = collect(tarBlocks([{ type: "file", path: "dir/f", ...OWNED, size, content }]));
    await expect(work).rejects.toMatchObject({
      code: "LAYER_CONTENT_CHANGED",
      message: expect.stringContaining("dir/f"),
    });
    expect(closed).toBe(true);
  });

  test("clamps times, and drops fractions of seconds towards the past", async () => {
    const at = (mtime: bigint): Entry => ({ type: "fifo", path: "f", ...OWNED, mtime });
    const times = async (options: object, ...values: bigint[]): Promise<unknown[]> =>
      (await collectEntries(readTar([await collect(tarBlocks(values.map(at), options))]))).map(
        (entry) => "mtime" in entry && entry.mtime,
      );
    expect(await times({ clampMtime: 5_000_000_000n }, 4_999_999_999n, 5_000_000_001n)).toEqual([
      4_999_999_999n,
      5_000_000_000n,
    ]);
    expect(await times({ wholeSeconds: true }, 1_999_999_999n, -1n, -2_000_000_000n)).toEqual([
      1_000_000_000n,
      -1_000_000_000n,
      -2_000_000_000n,
    ]);
  });

  test.each([
    ["a NUL in a name", { type: "fifo", path: "a\0b", ...OWNED }],
    [
      "an attribute named with an equals sign",
      { type: "fifo", path: "f", ...OWNED, xattrs: new Map([["user.a=b", Buffer.from("1")]]) },
    ],
    [
      "attributes over 1 MiB",
      { type: "fifo", path: "f", ...OWNED, xattrs: new Map([["user.a", Buffer.alloc(1 << 20)]]) },
    ],
  ] as [string, Entry][])("refuses %s", async (_, entry) => {
    expect(await codeOf(collect(tarBlocks([entry])))).toBe("LAYER_UNREPRESENTABLE");
  });

  test("ends its source when it fails or is stopped", async () => {
    let ended = 0;
    const source = function* (): Generator<Entry> {
      try {
        yield file("big", "x".repeat(4000));
        yield file("next", "");
      } finally {
        ended++;
      }
    };
    for await (const _ of tarBlocks(source(), { pool: new BlockPool(512) })) break;
    const broken = { type: "fifo", path: "a\0b", ...OWNED } as const;
    await codeOf(
      collect(
        tarBlocks(
          (function* () {
            try {
              yield broken;
            } finally {
              ended++;
            }
          })(),
        ),
      ),
    );
    expect(ended).toBe(2);
  });
});
