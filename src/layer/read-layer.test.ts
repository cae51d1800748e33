import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf } from "../oci/digest.ts";
import type { Entry } from "./entry.ts";
import { bytesContent } from "./file-content.ts";
import { readLayer, verifiedEntries } from "./read-layer.ts";
import { tarBlocks } from "./tar/writer.ts";
import { writeLayer, type LayerWriteOptions } from "./write-layer.ts";
import { arbitraryEntry, toEntry, type PlainEntry } from "./testing/arbitrary-entries.ts";
import { chunked, codeOf, collect, collectEntries } from "./testing/collect.ts";

const { signal } = new AbortController();
const SECOND = 1_000_000_000n;
const KINDS = ["gzip", "zstd", "none"] as const;

async function write(entries: Iterable<Entry>, kind: (typeof KINDS)[number], options: Partial<LayerWriteOptions> = {}) {
  const parts: Buffer[] = [];
  const sink = { write: (chunk: Uint8Array): void => void parts.push(Buffer.from(chunk)) };
  const layer = await writeLayer(entries, { compression: { kind }, sink, signal, ...options });
  return { ...layer, blob: Buffer.concat(parts) };
}

function* files(count: number, bytes: number): Generator<Entry> {
  for (let i = 0; i < count; i++) {
    const content = Buffer.alloc(bytes, `content of ${i} `);
    yield {
      type: "file",
      path: `f${i}`,
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 0n,
      size: bytes,
      content: bytesContent(content),
    };
  }
}

test("what was written is read again, with digests and sizes that are true", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(arbitraryEntry(), { maxLength: 6 }), fc.constantFrom(...KINDS), async (entries, kind) => {
      const { blob, ...layer } = await write(entries.map(toEntry), kind);
      expect([layer.digest, layer.size]).toEqual([digestOf(blob), blob.length]);
      const tar = await collect(tarBlocks(entries.map(toEntry), { wholeSeconds: true }));
      expect([layer.diffId, layer.uncompressedSize]).toEqual([digestOf(tar), tar.length]);
      const read = readLayer(chunked(blob, [1009]), { ...layer, kind, blob: layer, signal });
      expect(await collectEntries(read)).toEqual(entries.map(inWholeSeconds));
    }),
    { numRuns: 60 },
  );
});

function inWholeSeconds(entry: PlainEntry): PlainEntry {
  if (!("mtime" in entry)) return entry;
  const fraction = ((entry.mtime % SECOND) + SECOND) % SECOND;
  return { ...entry, mtime: entry.mtime - fraction };
}

test.each(KINDS)("%s gives the same bytes at any parallelism", async (kind) => {
  const results = new Set<string>();
  for (const parallelism of [1, 2, 8]) {
    const { digest, diffId } = await write(files(40, 300_000), kind, { parallelism });
    results.add(`${digest} ${diffId}`);
  }
  expect(results.size).toBe(1);
});

test("times lose their fraction, and are clamped", async () => {
  const link: Entry = { type: "symlink", path: "l", mode: 0o777, uid: 0, gid: 0, mtime: 1_500_000_000n, target: "t" };
  const mtime = async (options: Partial<LayerWriteOptions>): Promise<unknown> => {
    const { blob, diffId } = await write([link], "none", options);
    const [entry] = await collectEntries(readLayer(chunked(blob, [512]), { kind: "none", diffId, signal }));
    return entry !== undefined && "mtime" in entry ? entry.mtime : undefined;
  };
  expect(await mtime({})).toBe(1_000_000_000n);
  expect(await mtime({ clampMtime: 700_000_000n })).toBe(0n);
});

test("a sink that waits is waited for, one that fails ends the writing", async () => {
  const hash = createHash("sha256");
  const slow = {
    write: async (chunk: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      hash.update(chunk);
    },
  };
  const layer = await writeLayer(files(5, 600_000), { compression: { kind: "none" }, sink: slow, signal });
  expect(`sha256:${hash.digest("hex")}`).toBe(layer.digest);
  const full = {
    write: (): void => {
      throw Object.assign(new Error("disk full"), { code: "ENOSPC" });
    },
  };
  for (const kind of KINDS) {
    const work = writeLayer(files(5, 600_000), { compression: { kind }, sink: full, signal });
    expect(await codeOf(work)).toBe("ENOSPC");
  }
});

test("an abort ends the writing with its reason", async () => {
  for (const kind of KINDS) {
    const abort = new AbortController();
    const entries = (function* (): Generator<Entry> {
      yield* files(10, 1_000_000);
      abort.abort(new Error("interrupted"));
      yield* files(1000, 1_000_000);
    })();
    await expect(write(entries, kind, { signal: abort.signal })).rejects.toThrow("interrupted");
  }
});

describe("a layer that is not the expected one", () => {
  const wrong = digestOf(Buffer.from("wrong"));

  test.each(KINDS)("%s: another diffID, digest or size is refused at the end", async (kind) => {
    const { blob, ...layer } = await write(files(3, 5000), kind);
    const expectations = [
      { diffId: wrong },
      { uncompressedSize: layer.uncompressedSize + 1 },
      { blob: { digest: wrong, size: layer.size } },
      { blob: { digest: layer.digest, size: layer.size + 1 } },
      { blob: { digest: layer.digest, size: layer.size - 1 } },
    ];
    for (const expectation of expectations) {
      const seen: string[] = [];
      const work = (async () => {
        const options = { kind, diffId: layer.diffId, signal, ...expectation };
        for await (const entry of readLayer(chunked(blob, [64]), options)) seen.push(entry.path);
      })();
      expect([expectation, await codeOf(work)]).toEqual([expectation, "LAYER_DIGEST_MISMATCH"]);
    }
  });

  test("a blob is read no further than its size", async () => {
    const { blob, ...layer } = await write(files(1, 100), "none");
    let read = 0;
    const endless = (async function* () {
      yield blob;
      for (; read < 1000; read++) yield Buffer.alloc(1024);
    })();
    const work = collectEntries(readLayer(endless, { kind: "none", diffId: layer.diffId, blob: layer, signal }));
    expect(await codeOf(work)).toBe("LAYER_DIGEST_MISMATCH");
    expect(read).toBeLessThan(3);
  });

  test("bytes after the end of the tar count", async () => {
    const { blob, diffId, uncompressedSize } = await write(files(3, 5000), "none");
    const longer = gzipSync(Buffer.concat([blob, Buffer.from("more")]));
    const read = readLayer(chunked(longer, [1000]), { kind: "gzip", diffId, uncompressedSize, signal });
    expect(await codeOf(collectEntries(read))).toBe("LAYER_DIGEST_MISMATCH");
  });

  test.each(KINDS)("%s: a consumer that stops early learns of it too", async (kind) => {
    const { blob, diffId } = await write(files(50, 50_000), kind);
    const first = async (expected: typeof diffId): Promise<string> => {
      for await (const entry of readLayer(chunked(blob, [999]), { kind, diffId: expected, signal })) return entry.path;
      return "";
    };
    expect(await first(diffId)).toBe("f0");
    expect(await codeOf(first(wrong))).toBe("LAYER_DIGEST_MISMATCH");
  });

  test("a tar that cannot be read says so, whatever its digest", async () => {
    const read = verifiedEntries(chunked(Buffer.alloc(600, "x"), [100]), { diffId: wrong });
    expect(await codeOf(collectEntries(read))).toBe("TAR_INVALID");
  });
});
