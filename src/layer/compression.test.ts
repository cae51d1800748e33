import { createHash } from "node:crypto";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { detectCompression, openLayerStream, type Compression, type OpenLayerOptions } from "./decompress.ts";
import { gzipBlocks } from "./gzip.ts";
import { chunked, codeOf, collect } from "./testing/collect.ts";
import { zstdBlocks } from "./zstd.ts";

const { signal } = new AbortController();
const MIB = 1024 * 1024;

/** Text that is not all the same, so that every level finds something to do. */
function sample(bytes: number): Buffer {
  const words = Buffer.alloc(bytes);
  let state = 1;
  for (let i = 0; i < bytes; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    words[i] = 97 + ((state >>> 24) % (1 + ((i >>> 12) % 26)));
  }
  return words;
}

function open(
  bytes: Uint8Array,
  kind: Compression,
  cuts: readonly number[] = [64 * 1024],
  options?: Partial<OpenLayerOptions>,
) {
  return collect(openLayerStream(chunked(bytes, cuts), kind, { signal, ...options }));
}

describe.each([
  ["gzip", gzipBlocks, gunzipSync],
  ["zstd", zstdBlocks, decodeZstd],
] as const)("%s", (kind, compress, decode) => {
  test.each([0, 1, MIB - 1, MIB, MIB + 1, 4 * MIB, 9 * MIB + 7])(
    "%i bytes are the same afterwards, also to node:zlib",
    async (bytes) => {
      const data = sample(bytes);
      const compressed = await collect(compress(chunked(data, [700_001]), { signal }));
      expect(decode(compressed).equals(data)).toBe(true);
      expect((await open(compressed, kind)).equals(data)).toBe(true);
    },
  );

  test("gives the same bytes at any parallelism and for any chunks", async () => {
    const data = sample(9 * MIB + 7);
    const results = new Set<string>();
    for (const parallelism of [1, 2, 8]) {
      for (const cuts of [[data.length], [1], [123_457, MIB]].slice(parallelism === 2 ? 0 : 2)) {
        const lengths = cuts[0] === 1 ? [99_991] : cuts;
        results.add((await collect(compress(chunked(data, lengths), { signal, parallelism }))).toString("base64"));
      }
    }
    expect(results.size).toBe(1);
  });

  test("hands every block back, and stops when the signal aborts", async () => {
    const data = sample(9 * MIB);
    let released = 0;
    await collect(compress([data], { signal, release: (block) => (released += block.length) }));
    expect(released).toBe(data.length);
    const abort = new AbortController();
    const work = (async () => {
      for await (const _ of compress([data, data, data], { signal: abort.signal, parallelism: 1 }))
        abort.abort(new Error("stopped"));
    })();
    await expect(work).rejects.toThrow("stopped");
  });

  test("passes the failure of its source on", async () => {
    const failing = (async function* () {
      yield sample(2 * MIB);
      throw new Error("source failed");
    })();
    await expect(collect(compress(failing, { signal }))).rejects.toThrow("source failed");
  });

  test("every truncation is refused", async () => {
    const compressed = await collect(compress([sample(50_000)], { signal }));
    const lengths = [
      ...Array.from({ length: 40 }, (_, i) => i),
      compressed.length >> 1,
      ...Array.from({ length: 20 }, (_, i) => compressed.length - 1 - i),
    ];
    for (const length of lengths) {
      expect([length, await codeOf(open(compressed.subarray(0, length), kind, [997]))]).toEqual([
        length,
        "LAYER_CORRUPT",
      ]);
    }
  });

  test("bytes that follow are refused, zeros too", async () => {
    const compressed = await collect(compress([sample(50_000)], { signal }));
    const junk = [
      "\0",
      "\0".repeat(1024),
      "x",
      "\x1f",
      "\x1f\x8b",
      "\x1f\x8b\x08",
      "\x28\xb5\x2f",
      "\0x",
      "garbage that is longer than any header of any format",
    ];
    for (const text of junk) {
      const bytes = Buffer.concat([compressed, Buffer.from(text, "latin1")]);
      for (const cuts of [[bytes.length], [compressed.length, 1], [1000]]) {
        expect([text, cuts, await codeOf(open(bytes, kind, cuts))]).toEqual([text, cuts, "LAYER_CORRUPT"]);
      }
    }
  });

  test("members one after the other are one stream", async () => {
    const parts = [sample(10), sample(2 * MIB), Buffer.alloc(0), sample(70_000)];
    const compressed = await Promise.all(parts.map((part) => collect(compress([part], { signal }))));
    expect((await open(Buffer.concat(compressed), kind, [50_001])).equals(Buffer.concat(parts))).toBe(true);
  });
});

test("gzip has a fixed header and nothing of the machine in it", async () => {
  const compressed = await collect(gzipBlocks([Buffer.from("x")], { signal }));
  expect(compressed.subarray(0, 10).toString("hex")).toBe("1f8b08000000000000ff");
});

test("gzip blocks know the bytes before them", async () => {
  const noise = createHash("shake256", { outputLength: 16 * 1024 }).digest();
  const data = Buffer.concat(Array.from({ length: 200 }, () => noise));
  // Four blocks, each of which would hold the noise once if it began anew.
  expect((await collect(gzipBlocks([data], { signal }))).length).toBeLessThan(2.5 * noise.length);
});

test("a flipped bit anywhere in a gzip is refused or changes nothing", async () => {
  const data = sample(3000);
  const compressed = gzipSync(data);
  await fc.assert(
    fc.asyncProperty(fc.nat(compressed.length * 8 - 1), async (bit) => {
      const damaged = Buffer.from(compressed);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const found = await open(damaged, "gzip").catch((error: unknown) => (error as { code: string }).code);
      // Only the header has bits that mean nothing: time, system and flags.
      if (typeof found === "string") expect(found).toBe("LAYER_CORRUPT");
      else expect(found.equals(data)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

describe("zstd frames", () => {
  const frame = (text: string, options = {}): Buffer => zstdCompressSync(Buffer.from(text), options);
  const skippable = (bytes: number, nibble = 0): Buffer => {
    const header = Buffer.alloc(8 + bytes, "skip");
    header.writeUInt32LE(0x184d2a50 + nibble, 0);
    header.writeUInt32LE(bytes, 4);
    return header;
  };

  test.each([
    ["a skippable frame first", [skippable(5), frame("a")], "a"],
    ["between and at the end", [frame("a"), skippable(0), skippable(3000, 15), frame("b"), skippable(1)], "ab"],
    ["a frame without content", [frame("a"), frame(""), frame("b")], "ab"],
    ["raw and run-length blocks", [rawFrame("xyz"), runLengthFrame("q", 5), frame("a")], "xyzqqqqqa"],
  ])("%s", async (_, frames, expected) => {
    const bytes = Buffer.concat(frames);
    for (const cuts of [[1], [7], [bytes.length]]) expect((await open(bytes, "zstd", cuts)).toString()).toBe(expected);
  });

  test("frames that do not say their size, with checksums, larger than is kept in memory", async () => {
    const data = sample(10 * MIB);
    // 201 is the parameter of content checksums, 200 that of content sizes.
    const whole = zstdCompressSync(data, { params: { 201: 1, 200: 0 } });
    const known = zstdCompressSync(data, { params: { 201: 1 }, pledgedSrcSize: data.length });
    const bytes = Buffer.concat([whole, known, frame("end")]);
    expect((await open(bytes, "zstd", [100_003])).equals(Buffer.concat([data, data, Buffer.from("end")]))).toBe(true);
    whole[whole.length - 1] = (whole.at(-1) ?? 0) ^ 1;
    expect(await codeOf(open(whole, "zstd"))).toBe("LAYER_CORRUPT");
  });

  test.each([
    ["a window over 128 MiB", "28b52ffd0090010000", "a window of"],
    ["a single segment over 128 MiB", "28b52ffda001000009010000", "a window of"],
    ["a dictionary", "28b52ffd21070103010000", "a zstd dictionary"],
    ["a reserved block type", "28b52ffd2003070000", "a reserved type"],
    ["a size that is not true", "28b52ffd2004190000616263", "is damaged"],
  ])("%s is refused", async (_, hex, message) => {
    const work = open(Buffer.from(hex, "hex"), "zstd");
    await expect(work).rejects.toMatchObject({ code: "LAYER_CORRUPT", message: expect.stringContaining(message) });
  });
});

test("a zstd frame of blocks without end is not gathered", async () => {
  // One byte is what it says that it holds; each block holds none, and none is the last.
  const frame = Buffer.concat([Buffer.from("28b52ffd2001", "hex"), Buffer.alloc(3 * 40_000)]);
  await expect(open(frame, "zstd")).rejects.toMatchObject({ message: expect.stringContaining("takes more than") });
});

describe("what is not compressed as it is said to be", () => {
  const tar = Buffer.alloc(1024);

  test.each([
    ["gzip", "zstd"],
    ["zstd", "gzip"],
  ] as const)("%s said to be %s is read", async (actual, said) => {
    const compressed = actual === "gzip" ? gzipSync(tar) : zstdCompressSync(tar);
    expect((await open(compressed, said)).equals(tar)).toBe(true);
  });

  test("a plain tar is read, other bytes are refused", async () => {
    expect((await open(tar, "gzip")).equals(tar)).toBe(true);
    const junk = ["", "\x1f", "BZh91AY&SY", "\xfd7zXZ\0", "<html>", "x".repeat(2000)];
    for (const text of junk) {
      for (const kind of ["gzip", "zstd"] as const) {
        expect([text, await codeOf(open(Buffer.from(text, "latin1"), kind))]).toEqual([text, "LAYER_CORRUPT"]);
      }
    }
  });

  test("plain is taken as it is", async () => {
    const compressed = gzipSync(tar);
    expect((await open(compressed, "none")).equals(compressed)).toBe(true);
  });

  test.each([
    ["1f8b08", "gzip"],
    ["28b52ffd", "zstd"],
    ["5a2a4d18", "zstd"],
    ["2e2f", "none"],
    ["", "none"],
  ])("%s is %s", (hex, kind) => {
    expect(detectCompression(Buffer.from(hex, "hex"))).toBe(kind);
  });
});

describe("guard", () => {
  const zeros = gzipSync(Buffer.alloc(20 * MIB));

  test("CVE-2021-20291: a layer over its limit stops early", async () => {
    const guard = { bytes: 10 * MIB };
    let total = 0;
    const work = (async () => {
      for await (const chunk of openLayerStream(chunked(zeros, [1000]), "gzip", { guard, signal }))
        total += chunk.length;
    })();
    expect(await codeOf(work)).toBe("LAYER_TOO_LARGE");
    expect(total).toBeLessThan(12 * MIB);
  });

  test("one within is read", async () => {
    expect(await open(zeros, "gzip", [1000], { guard: { bytes: 20 * MIB } })).toHaveLength(20 * MIB);
  });
});

test("a consumer that stops ends the source", async () => {
  const compressed = gzipSync(sample(3 * MIB));
  for (const [bytes, kind] of [
    [compressed, "gzip"],
    [sample(3 * MIB), "none"],
  ] as const) {
    let ended = false;
    const source = (async function* () {
      try {
        yield* chunked(bytes, [10_000]);
      } finally {
        ended = true;
      }
    })();
    for await (const _ of openLayerStream(source, kind, { signal })) break;
    expect([kind, ended]).toEqual([kind, true]);
  }
});

function decodeZstd(compressed: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < compressed.length;) {
    const { buffer, engine } = zstdDecompressSync(compressed.subarray(at), { info: true } as object) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    parts.push(buffer);
    at += engine.bytesWritten;
  }
  return Buffer.concat(parts);
}

function rawFrame(text: string): Buffer {
  return blockFrame(text.length, 0, Buffer.from(text));
}

function runLengthFrame(character: string, count: number): Buffer {
  return blockFrame(count, 1, Buffer.from(character));
}

/** A single-segment frame of one block, its last. */
function blockFrame(size: number, type: number, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, size, 1 | (type << 1) | (size << 3), 0, 0]),
    payload,
  ]);
}
