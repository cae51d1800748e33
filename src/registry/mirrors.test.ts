import { afterEach, beforeEach, expect, test } from "vitest";
import { OCI_MANIFEST } from "../oci/media-type.ts";
import { parseMirrors } from "./mirrors.ts";
import { fail, FakeRegistry } from "./testing/fake-registry.ts";
import {
  collect,
  createTestClient,
  describeBlob,
  failureOf,
  manifestOf,
  never,
  someBytes,
  sourceOf,
} from "./testing/test-client.ts";
import type { TestClient } from "./testing/test-client.ts";

const MANIFEST = manifestOf();
const BYTES = someBytes(100_000);

let upstream: FakeRegistry;
let mirror: FakeRegistry;

beforeEach(async () => {
  upstream = await FakeRegistry.start();
  mirror = await FakeRegistry.start();
});

afterEach(async () => {
  await upstream.close();
  await mirror.close();
});

function mirrored(...mirrors: string[]): TestClient {
  return createTestClient({ mirrors: parseMirrors(mirrors.map((place) => `${upstream.host}=${place}`)) });
}

function reference(): { domain: string; path: string; tag: string } {
  return { domain: upstream.host, path: "team/app", tag: "v1" };
}

test("mirrors are read as they are written", () => {
  expect([
    ...parseMirrors([
      "docker.io=localhost:5000",
      "index.docker.io=https://m.example/pull/hub/",
      "Quay.io=http://[::1]:5000",
    ]),
  ]).toEqual([
    [
      "docker.io",
      [
        { scheme: undefined, address: "localhost:5000", prefix: "" },
        { scheme: "https", address: "m.example", prefix: "pull/hub/" },
      ],
    ],
    ["quay.io", [{ scheme: "http", address: "[::1]:5000", prefix: "" }]],
  ]);
});

test.each([
  "localhost:5000",
  "=localhost:5000",
  "docker.io=",
  "docker.io=ftp://x",
  "docker.io=a b",
  "docker.io=host/UPPER",
  "docker.io=host/../x",
  "docker.io=host?x=y",
  "docker.io=http://bob:hunter2@host",
  "docker.io=bob:hunter2@host",
  "docker.io=host:port",
])("%s is no mirror", (entry) => {
  expect(() => parseMirrors([entry])).toThrow(expect.objectContaining({ code: "REGISTRY_MIRROR_INVALID" }));
  expect(() => parseMirrors([entry])).not.toThrow(/hunter2/);
});

test("a mirror is asked first, and told what it mirrors", async () => {
  mirror.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  mirror.putBlob("team/app", BYTES);
  using client = mirrored(mirror.host);
  expect((await client.resolve(reference(), never)).size).toBe(MANIFEST.length);
  await client.getManifest(reference(), never);
  await client.getBlob(reference(), describeBlob(BYTES), collect(), never);
  expect(upstream.seen).toHaveLength(0);
  expect(mirror.seen.every(({ url }) => url.endsWith(`?ns=${encodeURIComponent(upstream.host)}`))).toBe(true);
});

test("a mirror's prefix comes before the repository", async () => {
  mirror.putManifest("pull/hub/team/app", "v1", MANIFEST, OCI_MANIFEST);
  using client = mirrored(`http://${mirror.host}/pull/hub`);
  expect((await client.resolve(reference(), never)).size).toBe(MANIFEST.length);
});

test("what a mirror does not have comes from the registry, without a word", async () => {
  upstream.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  using client = mirrored(mirror.host);
  expect((await client.resolve(reference(), never)).size).toBe(MANIFEST.length);
  expect(client.warnings).toEqual([]);
});

test("a mirror that is down is told of once and left alone for a minute", async () => {
  upstream.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  await mirror.close();
  using client = mirrored(mirror0());
  await client.resolve(reference(), never);
  const waits = client.clock.slept.length;
  expect(waits).toBeGreaterThan(0);
  await client.resolve(reference(), never);
  expect(client.clock.slept).toHaveLength(waits);
  expect(client.warnings).toHaveLength(1);
  client.clock.time += 60_000;
  await client.resolve(reference(), never);
  expect(client.clock.slept.length).toBeGreaterThan(waits);
  mirror = await FakeRegistry.start();
});

test("what no mirror has, of a registry that cannot be reached, may be misspelt", async () => {
  using client = mirrored(mirror.host);
  const asked = reference();
  await upstream.close();
  const { message, hint } = await failureOf(client.resolve(asked, never));
  expect(message).toContain(`before that, from its mirror: manifest ${asked.domain}/team/app:v1 was not found`);
  expect(hint).toMatch(/^Check the spelling of the image and its tag, which no mirror has\. Check that/);
  upstream = await FakeRegistry.start();
});

test("of a registry that cannot be reached and has no mirror, one may be named", async () => {
  using client = createTestClient({});
  const { hint } = await failureOf(client.resolve({ domain: "no.invalid", path: "a", tag: "1" }, never));
  expect(hint).toMatch(/Where there is a mirror, name it: --registry-mirror no\.invalid=HOST\.$/);
});

test.each([500, 401, 403, 429])("a mirror that answers %i is passed over with a warning", async (status) => {
  upstream.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  mirror.fault("HEAD", /./, ({ response }) => fail(response, status, "NO"), { times: 99 });
  mirror.fault("GET", /./, ({ response }) => fail(response, status, "NO"), { times: 99 });
  using client = mirrored(mirror.host);
  expect((await client.resolve(reference(), never)).size).toBe(MANIFEST.length);
  expect(client.warnings[0]).toContain(mirror.host);
});

test("a manifest that a mirror spoils comes from the registry", async () => {
  upstream.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  mirror.fault("GET", /./, ({ response }) => void response.end("<html>sign in</html>"));
  using client = mirrored(mirror.host);
  expect((await client.getManifest(reference(), never)).descriptor.size).toBe(MANIFEST.length);
});

test("a blob that a mirror spoils comes from the registry, into an emptied sink", async () => {
  upstream.putBlob("team/app", BYTES);
  mirror.fault("GET", /./, ({ response }) => void response.end(Buffer.alloc(BYTES.length)));
  using client = mirrored(mirror.host);
  const sink = collect();
  await client.getBlob(reference(), describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
});

test("where the sink cannot be emptied, a blob that a mirror spoils is an error", async () => {
  upstream.putBlob("team/app", BYTES);
  mirror.fault("GET", /./, ({ response }) => void response.end(Buffer.alloc(BYTES.length)));
  using client = mirrored(mirror.host);
  const { write } = collect();
  const error = await failureOf(client.getBlob(reference(), describeBlob(BYTES), { write }, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test("a blob that breaks off at the mirror goes on at the registry", async () => {
  upstream.putBlob("team/app", BYTES);
  mirror.fault("GET", /./, ({ response }) => {
    response.writeHead(200, { "content-length": BYTES.length });
    response.write(BYTES.subarray(0, 1000), () => response.destroy());
  });
  mirror.fault("GET", /./, ({ response }) => void response.destroy(), { times: 99 });
  using client = mirrored(mirror.host);
  const sink = collect();
  await client.getBlob(reference(), describeBlob(BYTES), sink, never);
  expect(sink.bytes().equals(BYTES)).toBe(true);
  expect(upstream.seen[0]?.headers.range).toBe("bytes=1000-");
});

test("where nobody has it, the error tells what each said", async () => {
  using client = mirrored(mirror.host);
  const error = await failureOf(client.resolve(reference(), never));
  expect(error.code).toBe("REGISTRY_NOT_FOUND");
  expect(error.message).toContain(upstream.host);
  expect(error.message).toContain(`not found at ${mirror.host}`);
});

test("pushes and questions before them go past the mirror", async () => {
  using client = mirrored(mirror.host);
  await client.pushBlob(reference(), sourceOf(BYTES), {}, never);
  await client.hasManifest(reference(), never);
  expect(mirror.seen).toHaveLength(0);
});

test("several mirrors are asked in their order", async () => {
  await using second = await FakeRegistry.start();
  second.putManifest("team/app", "v1", MANIFEST, OCI_MANIFEST);
  using client = mirrored(mirror.host, second.host);
  await client.resolve(reference(), never);
  expect([mirror.seen.length, second.seen.length, upstream.seen.length]).toEqual([1, 1, 0]);
});

/** A port of loopback where nobody listens. */
function mirror0(): string {
  return "127.0.0.1:9";
}
