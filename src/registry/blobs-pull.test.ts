import { beforeEach, expect, test } from "vitest";
import type { Digest } from "../oci/digest.ts";
import { FakeRegistry } from "./testing/fake-registry.ts";
import { collect, createTestClient, describeBlob, failureOf, never, someBytes } from "./testing/test-client.ts";
import { startTestBed } from "./testing/test-bed.ts";
import type { TestClient } from "./testing/test-client.ts";
import type { Repository } from "./types.ts";

const BYTES = someBytes(300_000);
const BLOB = /\/blobs\/sha256/;

let registry: FakeRegistry;
let client: TestClient;
let repository: Repository;

beforeEach(async () => {
  ({ registry, client, repository } = await startTestBed());
  registry.putBlob(repository.path, BYTES);
});

test("a blob arrives whole, and its progress is told", async () => {
  const sink = collect();
  let last = 0;
  await client.getBlob(repository, describeBlob(BYTES), sink, never, (bytes) => (last = bytes));
  expect(sink.bytes().equals(BYTES)).toBe(true);
  expect(last).toBe(BYTES.length);
  expect(registry.seen[0]?.headers["accept-encoding"]).toBe("identity");
});

test("an empty blob is a blob", async () => {
  registry.putBlob(repository.path, Buffer.alloc(0));
  await client.getBlob(repository, describeBlob(Buffer.alloc(0)), collect(), never);
  expect(registry.requests("GET")).toHaveLength(1);
});

test.each([
  ["with a Content-Length", { "content-length": String(BYTES.length) }],
  ["in chunks", { "transfer-encoding": "chunked" }],
])("a transfer %s that breaks goes on by a range", async (_name, headers) => {
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200, headers);
    response.write(BYTES.subarray(0, 100_000), () => response.destroy());
  });
  const sink = collect();
  await client.getBlob(repository, describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
  expect(registry.seen[1]?.headers.range).toBe("bytes=100000-");
});

test("a body that ends with its connection and is too short goes on by a range", async () => {
  registry.fault("GET", BLOB, ({ response }) => {
    response.socket?.write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    response.socket?.end(BYTES.subarray(0, 1000));
  });
  const sink = collect();
  await client.getBlob(repository, describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
  expect(registry.seen[1]?.headers.range).toBe("bytes=1000-");
});

test("where the range is ignored (200), what is there already is passed over", async () => {
  breakAfter(100_000);
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200, { "content-length": BYTES.length }).end(BYTES);
  });
  const sink = collect();
  await client.getBlob(repository, describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
});

test.each([
  ["a 206 of another range", 206, { "content-range": `bytes 5-${BYTES.length - 1}/${BYTES.length}` }],
  ["a 206 of another size", 206, { "content-range": `bytes 100000-${BYTES.length}/${BYTES.length + 1}` }],
  ["a 206 without a range", 206, {}],
  ["a 416", 416, {}],
])("after %s it is fetched from the start", async (_name, status, headers) => {
  breakAfter(100_000);
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(status, headers).end("not these bytes");
  });
  const sink = collect();
  await client.getBlob(repository, describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
  expect(registry.seen[2]?.headers.range).toBeUndefined();
});

test("wrong bytes of the right size are refused, once", async () => {
  const wrong = Buffer.from(BYTES);
  wrong[7] = (wrong[7] ?? 0) ^ 1;
  registry.blobs.set(describeBlob(BYTES).digest, wrong);
  const error = await failureOf(client.getBlob(repository, describeBlob(BYTES), collect(), never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
  expect(registry.seen).toHaveLength(1);
});

test("bad bytes of a broken transfer are found after it was resumed", async () => {
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200, { "content-length": BYTES.length });
    response.write(Buffer.alloc(1000, "x"), () => response.destroy());
  });
  const sink = collect();
  const error = await failureOf(client.getBlob(repository, describeBlob(BYTES), sink, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
  expect(sink.bytes()).toHaveLength(0);
});

test("another length than the descriptor's is refused before a byte is taken", async () => {
  let taken = 0;
  const sink = { write: (chunk: Uint8Array) => void (taken += chunk.length) };
  const descriptor = { ...describeBlob(BYTES), size: BYTES.length - 1 };
  const error = await failureOf(client.getBlob(repository, descriptor, sink, never));
  expect([error.code, taken]).toEqual(["REGISTRY_DIGEST_MISMATCH", 0]);
});

test("an endless body is cut when it is past the size", async () => {
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200);
    const pour = (): void => {
      while (!response.destroyed && response.write(BYTES));
      if (!response.destroyed) response.once("drain", pour);
    };
    response.on("error", () => undefined);
    pour();
  });
  let taken = 0;
  const sink = { write: (chunk: Uint8Array) => void (taken += chunk.length) };
  const error = await failureOf(client.getBlob(repository, describeBlob(BYTES), sink, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
  expect(taken).toBeLessThanOrEqual(BYTES.length);
});

test("transfers that get no further end after the policy's attempts", async () => {
  registry.fault("GET", BLOB, ({ response }) => void response.destroy(), { times: 50 });
  const error = await failureOf(client.getBlob(repository, describeBlob(BYTES), collect(), never));
  expect(error.code).toBe("REGISTRY_UNREACHABLE");
  expect(registry.seen).toHaveLength(5);
});

test("a transfer that breaks every megabyte still ends well", async () => {
  const bytes = someBytes(12 << 20);
  registry.putBlob(repository.path, bytes);
  registry.fault(
    "GET",
    BLOB,
    ({ seen, response }) => {
      const from = Number(/\d+/.exec(seen.headers.range ?? "0")?.[0]);
      response.writeHead(from === 0 ? 200 : 206, {
        "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
        "content-length": bytes.length - from,
      });
      response.write(bytes.subarray(from, from + (3 << 19)), () => response.destroy());
    },
    { times: 20 },
  );
  const sink = collect();
  await client.getBlob(repository, describeBlob(bytes), sink, never);
  expect(sink.bytes().equals(bytes)).toBe(true);
  expect(registry.seen.length).toBeGreaterThan(7);
});

test("what the sink throws ends the transfer as it is", async () => {
  const full = new Error("disk full");
  const sink = {
    write: () => {
      throw full;
    },
  };
  expect(await failureOf(client.getBlob(repository, describeBlob(BYTES), sink, never))).toBe(full);
  expect(registry.seen).toHaveLength(1);
});

test("the digest of a sink that hashes is believed instead of hashing twice", async () => {
  const other = describeBlob(Buffer.from("other")).digest;
  const sink = { write: () => undefined, digest: () => other };
  const error = await failureOf(client.getBlob(repository, describeBlob(BYTES), sink, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test("a sink that hashes by another algorithm is not asked", async () => {
  const { createHash } = await import("node:crypto");
  const digest = `sha512:${createHash("sha512").update(BYTES).digest("hex")}` as Digest;
  registry.fault("GET", /blobs/, ({ response }) => void response.end(BYTES));
  const sink = { write: () => undefined, digest: () => describeBlob(Buffer.from("other")).digest };
  await client.getBlob(repository, { ...describeBlob(BYTES), digest }, sink, never);
});

test("an abort in the middle gives the signal's reason", async () => {
  const stop = new AbortController();
  breakNever(50_000);
  const reason = new Error("enough");
  const sink = { write: () => stop.abort(reason) };
  expect(await failureOf(client.getBlob(repository, describeBlob(BYTES), sink, stop.signal))).toBe(reason);
});

test("a signed URL that has expired is asked for again", async () => {
  await using storage = await FakeRegistry.start();
  storage.fault("GET", /old/, ({ response }) => void response.writeHead(403).end("expired"));
  storage.fault("GET", /new/, ({ response }) => void response.end(BYTES));
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(307, { location: `${storage.origin}/old?signature=secret` }).end();
  });
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(307, { location: `${storage.origin}/new?signature=secret` }).end();
  });
  const sink = collect();
  await client.getBlob(repository, describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
});

test("a stalled body ends after the idle time, and is resumed", async () => {
  using impatient = createTestClient({ timeouts: { idleMs: 50 } });
  breakNever(100_000);
  const sink = collect();
  await impatient.getBlob(repository, describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
  expect(registry.seen[1]?.headers.range).toBe("bytes=100000-");
});

test("a body that trickles counts as stalled", async () => {
  using impatient = createTestClient({ timeouts: { idleMs: 300 }, retry: { attempts: 1 } });
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200, { "content-length": BYTES.length });
    const timer = setInterval(() => response.write("x"), 10);
    response.once("close", () => clearInterval(timer));
  });
  const error = await failureOf(impatient.getBlob(repository, describeBlob(BYTES), collect(), never));
  expect(error.code).toBe("REGISTRY_UNREACHABLE");
  expect(error.message).toContain("no progress");
}, 10_000);

function breakAfter(bytes: number): void {
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200, { "content-length": BYTES.length });
    response.write(BYTES.subarray(0, bytes), () => response.destroy());
  });
}

/** Sends some bytes, then nothing more. */
function breakNever(bytes: number): void {
  registry.fault("GET", BLOB, ({ response }) => {
    response.writeHead(200, { "content-length": BYTES.length });
    response.write(BYTES.subarray(0, bytes));
  });
}
