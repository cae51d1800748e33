import { beforeEach, expect, test } from "vitest";
import { fail, type FakeRegistry } from "./testing/fake-registry.ts";
import { createTestClient, failureOf, never, someBytes, sourceOf } from "./testing/test-client.ts";
import { startTestBed } from "./testing/test-bed.ts";
import type { TestClient } from "./testing/test-client.ts";
import type { BlobSource, Repository } from "./types.ts";

const BYTES = someBytes(300_000);
const SOURCE = sourceOf(BYTES);
const UPLOADS = /\/blobs\/uploads\//;
const MOUNT = /\?mount=/;

let registry: FakeRegistry;
let client: TestClient;
let repository: Repository;

beforeEach(async () => {
  ({ registry, client, repository } = await startTestBed());
});

test("a blob goes up in one PUT with its length, to the Location as it was given", async () => {
  const progress: number[] = [];
  const outcome = await client.pushBlob(repository, SOURCE, {}, never, (bytes) => progress.push(bytes));
  expect(outcome).toBe("uploaded");
  expect(registry.seen.map(({ method }) => method)).toEqual(["HEAD", "POST", "PUT"]);
  const put = registry.seen[2];
  expect(put?.headers["content-length"]).toBe(String(BYTES.length));
  expect(put?.headers["transfer-encoding"]).toBeUndefined();
  expect(put?.url).toMatch(/\?_state=a%2Fb%3D&digest=sha256%3A/);
  expect(registry.blobs.get(SOURCE.digest)?.equals(BYTES)).toBe(true);
  expect(progress[0]).toBe(0);
  expect(progress.at(-1)).toBe(BYTES.length);
});

test("an empty blob goes up too", async () => {
  expect(await client.pushBlob(repository, sourceOf(Buffer.alloc(0)), {}, never)).toBe("uploaded");
  expect(registry.seen[2]?.headers["content-length"]).toBe("0");
});

test("whether a blob is there is asked again where the registry is busy", async () => {
  registry.putBlob(repository.path, BYTES);
  registry.fault("HEAD", /blobs/, ({ response }) => void response.writeHead(503).end());
  expect(await client.pushBlob(repository, unopenable(), {}, never)).toBe("exists");
  expect(registry.requests("HEAD")).toHaveLength(2);
});

test("a blob that is there is not opened", async () => {
  registry.putBlob(repository.path, BYTES);
  expect(await client.pushBlob(repository, unopenable(), {}, never)).toBe("exists");
  expect(registry.seen).toHaveLength(1);
});

test.each([404, 403])("a blob that is not there or hidden (%i) goes up", async (status) => {
  registry.putBlob(repository.path, BYTES);
  registry.fault("HEAD", /blobs/, ({ response }) => void response.writeHead(status).end());
  expect(await client.pushBlob(repository, SOURCE, {}, never)).toBe("uploaded");
});

test.each([
  [200, "exists"],
  [404, "uploaded"],
])("where HEAD is not served, GET is asked (%i: %s)", async (status, outcome) => {
  registry.fault("HEAD", /blobs/, ({ response }) => void response.writeHead(405).end());
  registry.fault("GET", /blobs/, ({ response }) => void response.writeHead(status).end(BYTES));
  expect(await client.pushBlob(repository, SOURCE, {}, never)).toBe(outcome);
});

test("a blob of another repository is mounted, not opened", async () => {
  registry.putBlob("base/image", BYTES);
  expect(await client.pushBlob(repository, unopenable(), { mountFrom: ["base/image"] }, never)).toBe("mounted");
  expect(registry.requests("POST")).toEqual([
    `/v2/team/app/blobs/uploads/?mount=${encodeURIComponent(SOURCE.digest)}&from=base%2Fimage`,
  ]);
});

test("the upload that a registry opens instead of a mount (202) is used", async () => {
  expect(await client.pushBlob(repository, SOURCE, { mountFrom: ["base/image"] }, never)).toBe("uploaded");
  expect(registry.requests("POST")).toHaveLength(1);
  expect(registry.blobs.has(SOURCE.digest)).toBe(true);
});

test.each([400, 401, 403, 404, 405, 500])("a mount that fails with %i falls back to an upload", async (status) => {
  registry.fault("POST", MOUNT, ({ response }) => fail(response, status, "UNSUPPORTED"));
  expect(await client.pushBlob(repository, SOURCE, { mountFrom: ["base/image"] }, never)).toBe("uploaded");
  expect(registry.blobs.has(SOURCE.digest)).toBe(true);
});

test("a mount whose connection is reset falls back to an upload", async () => {
  registry.fault("POST", MOUNT, ({ response }) => void response.destroy());
  expect(await client.pushBlob(repository, SOURCE, { mountFrom: ["base/image"] }, never)).toBe("uploaded");
});

test("a PUT that breaks half-way is sent again from the first byte", async () => {
  registry.fault("PUT", UPLOADS, ({ request }) => void request.once("data", () => request.socket.destroy()), {
    early: true,
  });
  expect(await client.pushBlob(repository, SOURCE, {}, never)).toBe("uploaded");
  expect(registry.requests("PUT")).toHaveLength(2);
  expect(registry.blobs.get(SOURCE.digest)?.equals(BYTES)).toBe(true);
});

test("a PUT that was committed before its answer was lost is not sent again", async () => {
  registry.fault("PUT", UPLOADS, ({ seen, response }) => {
    registry.putBlob(repository.path, seen.body);
    response.destroy();
  });
  expect(await client.pushBlob(repository, SOURCE, {}, never)).toBe("uploaded");
  expect(registry.requests("PUT")).toHaveLength(1);
  expect(registry.requests("HEAD")).toHaveLength(2);
});

test.each([404, 416])("an upload that the registry lost (%i) is started anew", async (status) => {
  registry.fault("PUT", UPLOADS, ({ response }) => fail(response, status, "BLOB_UPLOAD_UNKNOWN"));
  expect(await client.pushBlob(repository, SOURCE, {}, never)).toBe("uploaded");
  expect(registry.requests("POST")).toHaveLength(2);
});

test("an answer before the end of the body is heard", async () => {
  const big = sourceOf(someBytes(8 << 20));
  registry.fault("PUT", UPLOADS, ({ response }) => fail(response, 413, "SIZE_LIMIT"), { early: true });
  const error = await failureOf(client.pushBlob(repository, big, {}, never));
  expect(error.code).toBe("REGISTRY_TOO_LARGE");
});

test("a digest that the registry refuses is final", async () => {
  const lying: BlobSource = { ...SOURCE, open: () => [Buffer.alloc(BYTES.length)] };
  const error = await failureOf(client.pushBlob(repository, lying, {}, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
  expect(registry.requests("PUT")).toHaveLength(1);
});

test("a digest that the registry says it stored must be ours", async () => {
  const other = sourceOf(Buffer.from("other")).digest;
  registry.fault(
    "PUT",
    UPLOADS,
    ({ response }) => void response.writeHead(201, { "docker-content-digest": other }).end(),
  );
  const error = await failureOf(client.pushBlob(repository, SOURCE, {}, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test.each([
  ["fewer", BYTES.subarray(1)],
  ["more", Buffer.concat([BYTES, BYTES])],
])("a source of %s bytes than it says ends the push", async (_name, bytes) => {
  const wrong: BlobSource = { ...sourceOf(bytes), size: BYTES.length, digest: SOURCE.digest };
  const error = await failureOf(client.pushBlob(repository, wrong, {}, never));
  expect(error.code).toBe("BLOB_SOURCE_SIZE");
  expect(registry.links.size).toBe(0);
});

test("what the source throws comes out as it is, and is not tried again", async () => {
  const gone = new Error("the store is gone");
  let opened = 0;
  const broken: BlobSource = {
    ...SOURCE,
    *open() {
      opened++;
      yield BYTES.subarray(0, 1000);
      throw gone;
    },
  };
  expect(await failureOf(client.pushBlob(repository, broken, {}, never))).toBe(gone);
  expect(opened).toBe(1);
});

test("a source may use its buffer again for each chunk", async () => {
  const bytes = someBytes(6 << 20);
  const recycling: BlobSource = {
    ...sourceOf(bytes),
    *open() {
      const buffer = Buffer.alloc(700_001);
      for (let start = 0; start < bytes.length; start += buffer.length) {
        const length = bytes.copy(buffer, 0, start);
        yield buffer.subarray(0, length);
        buffer.fill(0);
      }
    },
  };
  expect(await client.pushBlob(repository, recycling, {}, never)).toBe("uploaded");
});

test("opening a source may need the same host: it holds no place there", async () => {
  using narrow = createTestClient({ concurrency: 1 });
  registry.putBlob("base/image", BYTES);
  const relayed: BlobSource = {
    ...SOURCE,
    async *open() {
      const chunks: Uint8Array[] = [];
      const descriptor = { mediaType: "x", digest: SOURCE.digest, size: SOURCE.size };
      await narrow.getBlob(
        { ...repository, path: "base/image" },
        descriptor,
        { write: (chunk) => void chunks.push(chunk) },
        never,
      );
      yield* chunks;
    },
  };
  expect(await narrow.pushBlob(repository, relayed, {}, never)).toBe("uploaded");
});

test("equal pushes at the same time share one transfer", async () => {
  const pushes = [1, 2, 3].map(() => client.pushBlob(repository, SOURCE, {}, never));
  expect(await Promise.all(pushes)).toEqual(["uploaded", "uploaded", "uploaded"]);
  expect(registry.requests("PUT")).toHaveLength(1);
});

test("an upload that its registry does not answer ends", async () => {
  using impatient = createTestClient({ timeouts: { commitMs: 50 }, retry: { attempts: 1 } });
  registry.fault("PUT", UPLOADS, () => undefined);
  const error = await failureOf(impatient.pushBlob(repository, SOURCE, {}, never));
  expect(error.code).toBe("REGISTRY_UNREACHABLE");
});

test("an abort in the middle of a PUT gives the signal's reason and closes the connection", async () => {
  const stop = new AbortController();
  const reason = new Error("interrupted");
  registry.fault("PUT", UPLOADS, () => stop.abort(reason), { early: true });
  expect(await failureOf(client.pushBlob(repository, SOURCE, {}, stop.signal))).toBe(reason);
  expect(registry.blobs.size).toBe(0);
});

test.each(["", "?", "#part"])("an upload to a relative Location that ends with %j is understood", async (end) => {
  registry.fault("POST", UPLOADS, ({ response }) => {
    response.writeHead(202, { location: `/v2/team/app/blobs/uploads/relative${end}` }).end();
  });
  await client.pushBlob(repository, SOURCE, {}, never);
  expect(registry.requests("PUT")[0]).toMatch(/uploads\/relative\?digest=sha256%3A/);
});

test.each(["file:///etc/passwd", "http://169.254.169.254/latest", "http://"])(
  "an upload is not sent to %s",
  async (location) => {
    registry.fault("POST", UPLOADS, ({ response }) => void response.writeHead(202, { location }).end());
    const error = await failureOf(client.pushBlob(repository, SOURCE, {}, never));
    expect(error.code).toBe("REGISTRY_PROTOCOL");
  },
);

test("an upload without a Location is refused", async () => {
  registry.fault("POST", UPLOADS, ({ response }) => void response.writeHead(202).end());
  expect((await failureOf(client.pushBlob(repository, SOURCE, {}, never))).code).toBe("REGISTRY_PROTOCOL");
});

function unopenable(): BlobSource {
  return {
    ...SOURCE,
    open: () => {
      throw new Error("opened");
    },
  };
}
