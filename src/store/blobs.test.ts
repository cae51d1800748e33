import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Digest } from "../oci/digest.ts";
import { digestOf } from "../oci/digest.ts";
import type { StoredBlob } from "./blob-writer.ts";
import type { BlobStore } from "./blobs.ts";
import { joinStore, openStore } from "./store.ts";
import type { TempSpace } from "./temp.ts";

let root: string;
let blobs: BlobStore;
let temp: TempSpace;
let notes: string[];
const never = new AbortController().signal;

beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), "blobs-")), "store");
  openStore(root).close();
  const session = mkdtempSync(join(root, "sessions/test-"));
  notes = [];
  ({ blobs, temp } = joinStore(root, session, { onNote: (code) => notes.push(code) }));
});
afterEach(() => rmSync(join(root, ".."), { recursive: true, force: true }));

function put(bytes: Uint8Array): StoredBlob {
  const writer = blobs.writer(temp);
  writer.write(bytes);
  return writer.commit();
}

/** As a disk does: under the blob's name, whatever its mode. */
function damage(digest: Digest, change: (path: string, bytes: Buffer) => void): void {
  const path = blobs.path(digest);
  chmodSync(path, 0o644);
  change(path, readFileSync(path));
}

function flip(path: string, bytes: Buffer): void {
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
  writeFileSync(path, bytes);
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

test("what is committed is there under its digest, as an OCI layout has it", async () => {
  const bytes = Buffer.alloc(3_000_001, "manyarch");
  const writer = blobs.writer(temp);
  for (let at = 0; at < bytes.length; at += 100_000) writer.write(bytes.subarray(at, at + 100_000));
  expect(writer.size).toBe(bytes.length);
  const blob = writer.commit({ digest: digestOf(bytes), size: bytes.length });
  expect(blob).toEqual({ digest: digestOf(bytes), size: bytes.length });
  expect(readFileSync(join(root, "blobs", ...blob.digest.split(":")))).toEqual(bytes);
  expect(blobs.has(blob.digest, blob.size)).toBe(true);
  expect(await collect(blobs.read(blob.digest, blob.size))).toEqual(bytes);
  expect(Buffer.from(blobs.readBytes(blob.digest, blob.size) ?? [])).toEqual(bytes);
  expect(blobs.verify(blob.digest)).toBe("good");
  expect(readdirSync(temp.directory)).toEqual([]);
});

test("the empty blob", async () => {
  const blob = put(Buffer.alloc(0));
  expect(blob.digest).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(blobs.readBytes(blob.digest, 0)).toEqual(new Uint8Array(0));
  expect(await collect(blobs.read(blob.digest, 0))).toEqual(Buffer.alloc(0));
});

test("sha512 where the digest says so", () => {
  const writer = blobs.writer(temp, "sha512");
  writer.write(Buffer.from("x"));
  const blob = writer.commit();
  expect(blob.digest).toMatch(/^sha512:a4abd4448c49562d/);
  expect(blobs.verify(blob.digest)).toBe("good");
});

test("the pool's fsync publishes too, and an abort does not", async () => {
  const writer = blobs.writer(temp);
  writer.write(Buffer.from("async"));
  const blob = await writer.commitAsync({ size: 5 }, never);
  expect(blobs.verify(blob.digest)).toBe("good");
  const stopped = blobs.writer(temp);
  stopped.write(Buffer.from("stopped"));
  const reason = new Error("stop");
  await expect(stopped.commitAsync({}, AbortSignal.abort(reason))).rejects.toBe(reason);
  expect(blobs.has(digestOf(Buffer.from("stopped")))).toBe(false);
  expect(readdirSync(temp.directory)).toEqual([]);
});

test.each([
  [{ size: 4 }, "BLOB_SIZE_MISMATCH"],
  [{ size: 6 }, "BLOB_SIZE_MISMATCH"],
  [{ digest: digestOf(Buffer.from("other")) }, "BLOB_DIGEST_MISMATCH"],
  [{ digest: digestOf(Buffer.from("other")), size: 5 }, "BLOB_DIGEST_MISMATCH"],
])("other than expected (%j) is not committed", (expected, code) => {
  const writer = blobs.writer(temp);
  writer.write(Buffer.from("bytes"));
  expect(() => writer.commit(expected)).toThrow(expect.objectContaining({ code }));
  expect(blobs.has(digestOf(Buffer.from("bytes")))).toBe(false);
  expect(readdirSync(temp.directory)).toEqual([]);
  expect(() => writer.write(Buffer.from("more"))).toThrow();
});

test("an aborted blob leaves nothing, and abort after commit does nothing", () => {
  const writer = blobs.writer(temp);
  writer.write(Buffer.from("bytes"));
  writer.abort();
  writer.abort();
  expect(readdirSync(temp.directory)).toEqual([]);
  const other = blobs.writer(temp);
  other.write(Buffer.from("bytes"));
  const { digest } = other.commit();
  other.abort();
  expect(blobs.has(digest, 5)).toBe(true);
});

test("the same blob again is no error and not written twice", () => {
  const first = put(Buffer.from("same"));
  const { ino } = statSync(blobs.path(first.digest));
  expect(put(Buffer.from("same"))).toEqual(first);
  expect(statSync(blobs.path(first.digest)).ino).toBe(ino);
});

test("a missing blob says so", async () => {
  const digest = digestOf(Buffer.from("nowhere"));
  expect(blobs.has(digest)).toBe(false);
  expect(blobs.readBytes(digest, 7)).toBeUndefined();
  expect(blobs.verify(digest)).toBe("missing");
  expect(() => blobs.open(digest, 7)).toThrow(expect.objectContaining({ code: "BLOB_MISSING" }));
  await expect(collect(blobs.read(digest, 7))).rejects.toMatchObject({ code: "BLOB_MISSING" });
  expect(notes).toEqual([]);
});

test.each([
  ["flipped bit", flip],
  ["truncated", (path: string, bytes: Buffer): void => truncateSync(path, bytes.length - 1)],
  ["emptied", (path: string): void => truncateSync(path, 0)],
  ["grown", (path: string, bytes: Buffer): void => writeFileSync(path, Buffer.concat([bytes, Buffer.from("x")]))],
])("%s: never handed out whole, set aside, and got anew", async (_name, change) => {
  const bytes = Buffer.alloc(2_500_000, "damaged");
  const blob = put(bytes);
  damage(blob.digest, change);
  const seen: Uint8Array[] = [];
  const reading = async (): Promise<void> => {
    for await (const chunk of blobs.read(blob.digest, blob.size)) seen.push(chunk);
  };
  await expect(reading()).rejects.toMatchObject({ code: "BLOB_CORRUPT", retryable: true });
  expect(Buffer.concat(seen).length).toBeLessThan(bytes.length);
  expect(notes).toEqual(["BLOB_CORRUPT"]);
  expect(blobs.has(blob.digest)).toBe(false);
  expect(existsSync(join(root, "quarantine", blob.digest.slice(7)))).toBe(true);
  expect(put(bytes)).toEqual(blob);
  expect(await collect(blobs.read(blob.digest, blob.size))).toEqual(bytes);
});

test("readBytes takes a corrupt blob as missing, verify tells, has sees the size", () => {
  const one = put(Buffer.from("one one"));
  damage(one.digest, flip);
  expect(blobs.has(one.digest, 7)).toBe(true);
  expect(blobs.readBytes(one.digest, 7)).toBeUndefined();
  const two = put(Buffer.from("two two"));
  damage(two.digest, flip);
  expect(blobs.verify(two.digest)).toBe("corrupt");
  expect(blobs.verify(two.digest)).toBe("missing");
  const three = put(Buffer.from("three"));
  damage(three.digest, (path) => truncateSync(path, 2));
  expect(blobs.has(three.digest)).toBe(true);
  expect(blobs.has(three.digest, 5)).toBe(false);
  expect(existsSync(blobs.path(three.digest))).toBe(false);
  expect(notes).toEqual(["BLOB_CORRUPT", "BLOB_CORRUPT", "BLOB_CORRUPT"]);
});

test("a size that a manifest lies about is refused, and a good blob is kept from it", () => {
  const blob = put(Buffer.from("right"));
  const size = (): unknown => blobs.open(blob.digest, 4);
  expect(size).toThrow(expect.objectContaining({ code: "BLOB_SIZE_MISMATCH" }));
  expect(() => blobs.readBytes(blob.digest, 2 ** 53)).toThrow(expect.objectContaining({ code: "BLOB_SIZE_MISMATCH" }));
  expect(blobs.readBytes(digestOf(Buffer.from("missing")), 2 ** 53)).toBeUndefined();
  expect(blobs.verify(blob.digest)).toBe("good");
});

test("a good blob that replaced the corrupt one meanwhile stays", () => {
  const bytes = Buffer.alloc(2_000_000, "x");
  const blob = put(bytes);
  damage(blob.digest, flip);
  const reader = blobs.open(blob.digest, blob.size);
  reader.next();
  rmSync(blobs.path(blob.digest));
  put(bytes);
  expect(() => {
    while (reader.next() !== undefined);
  }).toThrow(expect.objectContaining({ code: "BLOB_CORRUPT" }));
  expect(blobs.verify(blob.digest)).toBe("good");
});

test("a reader may be closed at any time", () => {
  const blob = put(Buffer.alloc(2_000_000));
  const before = readdirSync("/proc/self/fd").length;
  const reader = blobs.open(blob.digest, blob.size);
  reader.next();
  reader.close();
  reader.close();
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

/** What the store must be, whatever was done to it: the blobs by content, and which of them are damaged. */
type Model = Map<string, "good" | "damaged">;
const content = fc.constantFrom("", "a", "bb", "ccc", "d".repeat(2000));
const command = fc.oneof(
  fc.record({ kind: fc.constant("put"), content, chunks: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ kind: fc.constant("abort"), content }),
  fc.record({ kind: fc.constant("wrong"), content }),
  fc.record({ kind: fc.constant("damage"), content }),
  fc.record({ kind: fc.constant("remove"), content }),
  fc.record({ kind: fc.constant("read"), content }),
  fc.record({ kind: fc.constant("verify"), content }),
);

test("the store is a map from digest to content that never answers a wrong byte", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), (commands) => {
      const model: Model = new Map();
      rmSync(join(root, "blobs/sha256"), { recursive: true });
      rmSync(join(root, "quarantine"), { recursive: true });
      openStoreDirectories();
      for (const step of commands) {
        const bytes = Buffer.from(step.content);
        const digest = digestOf(bytes);
        const state = model.get(step.content);
        switch (step.kind) {
          case "put": {
            const writer = blobs.writer(temp);
            const size = Math.ceil(bytes.length / step.chunks) || 1;
            for (let at = 0; at < bytes.length; at += size) writer.write(bytes.subarray(at, at + size));
            expect(writer.commit({ digest, size: bytes.length })).toEqual({ digest, size: bytes.length });
            // A blob of the right size is taken for good until it is read.
            if (state === undefined) model.set(step.content, "good");
            break;
          }
          case "abort":
          case "wrong": {
            const writer = blobs.writer(temp);
            writer.write(bytes);
            if (step.kind === "abort") writer.abort();
            else expect(() => writer.commit({ size: bytes.length + 1 })).toThrow();
            break;
          }
          case "damage":
            if (state === undefined || bytes.length === 0) break;
            damage(digest, (path) => writeFileSync(path, Buffer.alloc(bytes.length, "!")));
            model.set(step.content, "damaged");
            break;
          case "remove":
            rmSync(blobs.path(digest), { force: true });
            model.delete(step.content);
            break;
          case "read":
            expect(Buffer.from(blobs.readBytes(digest, bytes.length) ?? "none").toString()).toBe(
              state === "good" ? step.content : "none",
            );
            if (state === "damaged") model.delete(step.content);
            break;
          case "verify":
            expect(blobs.verify(digest)).toBe(state === undefined ? "missing" : state === "good" ? "good" : "corrupt");
            if (state === "damaged") model.delete(step.content);
            break;
        }
        expect(blobs.has(digest, bytes.length)).toBe(model.has(step.content));
        expect(readdirSync(temp.directory)).toEqual([]);
        expect(readdirSync(join(root, "blobs/sha256")).length).toBe(model.size);
      }
    }),
    { numRuns: 150 },
  );
});

function openStoreDirectories(): void {
  rmSync(join(root, "version"));
  openStore(root).close();
}
