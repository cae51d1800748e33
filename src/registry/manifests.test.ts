import { beforeEach, expect, test } from "vitest";
import { OCI_MANIFEST } from "../oci/media-type.ts";
import type { Reference } from "../oci/reference.ts";
import { fail, sha256, type FakeRegistry } from "./testing/fake-registry.ts";
import { createTestClient, digestOfBytes, failureOf, manifestOf, never, repositoryAt } from "./testing/test-client.ts";
import { startTestBed } from "./testing/test-bed.ts";
import type { TestClient } from "./testing/test-client.ts";

const MANIFEST = manifestOf();
const DIGEST = digestOfBytes(MANIFEST);
const OTHER = digestOfBytes(Buffer.from("other"));
const DESCRIPTOR = { mediaType: OCI_MANIFEST, digest: DIGEST, size: MANIFEST.length };
const ANY = /\/manifests\//;

let registry: FakeRegistry;
let client: TestClient;
let tagged: Reference;
let pinned: Reference;

beforeEach(async () => {
  ({ registry, client } = await startTestBed());
  tagged = { ...repositoryAt(registry.host), tag: "v1" };
  pinned = { ...repositoryAt(registry.host), digest: DIGEST };
  registry.putManifest(tagged.path, "v1", MANIFEST, OCI_MANIFEST);
});

test("a tag resolves by one HEAD", async () => {
  expect(await client.resolve(tagged, never)).toEqual(DESCRIPTOR);
  expect(registry.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(["HEAD /v2/team/app/manifests/v1"]);
  expect(registry.seen[0]?.headers.accept).toMatch(/^application\/vnd\.oci\.image\.index\.v1\+json, /);
});

test("without a tag the tag is latest", async () => {
  await failureOf(client.resolve(repositoryAt(registry.host), never));
  expect(registry.requests("HEAD")).toEqual(["/v2/team/app/manifests/latest"]);
});

test.each([
  ["a digest", { "content-type": OCI_MANIFEST, "content-length": "10" }],
  ["a length", { "content-type": OCI_MANIFEST, "docker-content-digest": DIGEST, "transfer-encoding": "chunked" }],
  ["a type", { "content-length": "10", "docker-content-digest": DIGEST }],
  ["a valid digest", { "content-type": OCI_MANIFEST, "content-length": "10", "docker-content-digest": "sha256:../x" }],
])("where HEAD does not tell %s, GET does", async (_name, headers) => {
  registry.fault("HEAD", ANY, ({ response }) => void response.writeHead(200, headers).end());
  expect(await client.resolve(tagged, never)).toEqual(DESCRIPTOR);
});

test.each([400, 405])("where HEAD is answered with %i, GET is asked", async (status) => {
  registry.fault("HEAD", ANY, ({ response }) => void response.writeHead(status).end());
  expect(await client.resolve(tagged, never)).toEqual(DESCRIPTOR);
});

test("a manifest comes with its own bytes and type", async () => {
  const { descriptor, bytes } = await client.getManifest(pinned, never);
  expect(descriptor).toEqual(DESCRIPTOR);
  expect(Buffer.from(bytes).equals(MANIFEST)).toBe(true);
});

test("parameters of the type do not matter, a generic type neither", async () => {
  for (const type of [`${OCI_MANIFEST}; charset=utf-8`, "application/json", "text/plain"]) {
    registry.fault("GET", ANY, ({ response }) => void response.writeHead(200, { "content-type": type }).end(MANIFEST));
    expect((await client.getManifest(tagged, never)).descriptor).toEqual(DESCRIPTOR);
  }
});

test("the bytes must have the digest that was asked for", async () => {
  registry.fault("GET", ANY, ({ response }) => void response.end(`${MANIFEST.toString()} `));
  expect((await failureOf(client.getManifest(pinned, never))).code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test("the bytes must have the digest that the header claims, by tag too", async () => {
  registry.fault("GET", ANY, ({ response }) => {
    response.writeHead(200, { "content-type": OCI_MANIFEST, "docker-content-digest": OTHER }).end(MANIFEST);
  });
  expect((await failureOf(client.getManifest(tagged, never))).code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test("a HEAD by digest that claims another one is refused", async () => {
  registry.fault("HEAD", ANY, ({ response }) => {
    response
      .writeHead(200, { "content-type": OCI_MANIFEST, "docker-content-digest": OTHER, "content-length": "5" })
      .end();
  });
  expect((await failureOf(client.resolve(pinned, never))).code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test("a manifest past 4 MiB is refused", async () => {
  registry.fault("GET", ANY, ({ response }) => void response.end(Buffer.alloc((4 << 20) + 1, " ")));
  expect((await failureOf(client.getManifest(tagged, never))).code).toBe("REGISTRY_TOO_LARGE");
});

test("a body that says another type than the answer is refused", async () => {
  registry.putManifest(tagged.path, "v1", MANIFEST, "application/vnd.oci.image.index.v1+json");
  expect((await failureOf(client.getManifest(tagged, never))).code).toBe("MANIFEST_INVALID");
});

test("a truncated manifest is asked for again", async () => {
  registry.fault("GET", ANY, ({ response }) => {
    response.writeHead(200, { "content-length": MANIFEST.length });
    response.write(MANIFEST.subarray(0, 20), () => response.destroy());
  });
  expect((await client.getManifest(tagged, never)).descriptor.digest).toBe(DIGEST);
});

test("a manifest that is not there is not found, and its registry's words are shown", async () => {
  const error = await failureOf(client.getManifest({ ...tagged, tag: "nope" }, never));
  expect(error.code).toBe("REGISTRY_NOT_FOUND");
  expect(error.message).toContain(`${registry.host}/team/app:nope`);
  expect(error.message).toContain("manifest_unknown said the fake");
  expect(await client.hasManifest({ ...tagged, tag: "nope" }, never)).toBe(false);
  expect(await client.hasManifest(tagged, never)).toBe(true);
});

test("a push by digest sends the type of the body", async () => {
  const bytes = manifestOf(Buffer.from("other config"));
  const digest = digestOfBytes(bytes);
  const descriptor = await client.pushManifest(tagged, bytes, OCI_MANIFEST, {}, never);
  expect(descriptor).toEqual({ mediaType: OCI_MANIFEST, digest, size: bytes.length });
  const put = registry.seen[0];
  expect(put?.url).toBe(`/v2/team/app/manifests/${digest}`);
  expect(put?.headers["content-type"]).toBe(OCI_MANIFEST);
});

test("a push under a tag names the tag", async () => {
  await client.pushManifest(tagged, MANIFEST, OCI_MANIFEST, { tag: "v2" }, never);
  expect(registry.requests("PUT")).toEqual(["/v2/team/app/manifests/v2"]);
});

test("a push whose type is not the body's is not sent", async () => {
  const push = client.pushManifest(tagged, MANIFEST, "application/vnd.oci.image.index.v1+json", {}, never);
  expect((await failureOf(push)).code).toBe("MANIFEST_INVALID");
  expect(registry.seen).toHaveLength(0);
});

test("a push of more than registries must take is not sent", async () => {
  const bytes = Buffer.concat([MANIFEST, Buffer.alloc(4 << 20, " ")]);
  const error = await failureOf(client.pushManifest(tagged, bytes, OCI_MANIFEST, {}, never));
  expect([error.code, registry.seen.length]).toEqual(["REGISTRY_TOO_LARGE", 0]);
});

test("a push that is answered with another digest fails", async () => {
  registry.fault("PUT", ANY, ({ response }) => void response.writeHead(201, { "docker-content-digest": OTHER }).end());
  const error = await failureOf(client.pushManifest(tagged, MANIFEST, OCI_MANIFEST, { tag: "v2" }, never));
  expect(error.code).toBe("REGISTRY_DIGEST_MISMATCH");
});

test("a blob that is not visible at once is waited for", async () => {
  registry.fault("PUT", ANY, ({ response }) => fail(response, 400, "MANIFEST_BLOB_UNKNOWN"), { times: 2 });
  await client.pushManifest(tagged, MANIFEST, OCI_MANIFEST, {}, never);
  expect(registry.requests("PUT")).toHaveLength(3);
});

test("a blob that stays unknown is told, after a few attempts", async () => {
  registry.fault("PUT", ANY, ({ response }) => fail(response, 404, "MANIFEST_BLOB_UNKNOWN"), { times: 9 });
  const error = await failureOf(client.pushManifest(tagged, MANIFEST, OCI_MANIFEST, {}, never));
  expect(error.code).toBe("REGISTRY_BLOB_UNKNOWN");
  expect(registry.requests("PUT")).toHaveLength(4);
});

test.each([
  [400, "NAME_INVALID", "REGISTRY_NAME_INVALID"],
  [400, "MANIFEST_INVALID", "REGISTRY_PROTOCOL"],
  [403, "DENIED", "REGISTRY_DENIED"],
  [409, "UNKNOWN", "REGISTRY_DENIED"],
  [413, "SIZE", "REGISTRY_TOO_LARGE"],
  [405, "UNSUPPORTED", "REGISTRY_UNSUPPORTED"],
])("a push answered with %i %s ends with %s and a next step", async (status, said, code) => {
  registry.fault("PUT", ANY, ({ response }) => fail(response, status, said), { times: 9 });
  const error = await failureOf(client.pushManifest(tagged, MANIFEST, OCI_MANIFEST, { tag: "v1" }, never));
  expect(error.code).toBe(code);
  expect(error.hint).toMatch(/\.$/);
  expect(error.message).toContain(said);
  expect(registry.requests("PUT")).toHaveLength(1);
});

test.each([408, 425, 429, 499, 500, 502, 503, 504, 522])("%i is tried again", async (status) => {
  registry.fault("HEAD", ANY, ({ response }) => void response.writeHead(status).end(), { times: 2 });
  expect((await client.resolve(tagged, never)).digest).toBe(DIGEST);
  expect(registry.requests("HEAD")).toHaveLength(3);
});

test.each([501, 505])("%i is not", async (status) => {
  registry.fault("PUT", ANY, ({ response }) => void response.writeHead(status).end(), { times: 2 });
  await failureOf(client.pushManifest(tagged, MANIFEST, OCI_MANIFEST, {}, never));
  expect(registry.requests("PUT")).toHaveLength(1);
});

test("a server that stays broken is given up, its HTML is not shown", async () => {
  registry.fault(
    "GET",
    ANY,
    ({ response }) => void response.writeHead(502, { "content-type": "text/html" }).end("<h1>nginx</h1>"),
    { times: 99 },
  );
  const error = await failureOf(client.getManifest(tagged, never));
  expect(error.code).toBe("REGISTRY_UNAVAILABLE");
  expect(error.message).not.toContain("nginx");
  expect(error.message).toContain("tried 5 times");
  expect(client.clock.slept).toHaveLength(4);
});

test.each([
  ["7", 7000],
  ["Wed, 21 Oct 2026 07:28:09 GMT", 9000],
])("Retry-After %s is waited for", async (value, ms) => {
  registry.fault("HEAD", ANY, ({ response }) => {
    response.writeHead(429, { "retry-after": value, date: "Wed, 21 Oct 2026 07:28:00 GMT" }).end();
  });
  await client.resolve(tagged, never);
  expect(client.clock.slept[0]).toBeGreaterThanOrEqual(ms);
  expect(client.clock.slept[0]).toBeLessThan(ms + 1000);
});

test("a wait past the limit is not made but named", async () => {
  registry.fault("HEAD", ANY, ({ response }) => void response.writeHead(429, { "retry-after": "21600" }).end());
  const error = await failureOf(client.resolve(tagged, never));
  expect(error.code).toBe("REGISTRY_RATE_LIMITED");
  expect(error.message).toContain("21600 s");
  expect(client.clock.slept).toEqual([]);
});

test("a host that asked for rest gets it from requests that start meanwhile", async () => {
  const sleepers: (() => void)[] = [];
  const sleep = (): Promise<void> => new Promise((resolve) => sleepers.push(resolve));
  using patient = createTestClient({ clock: { now: () => 0, random: () => 0, sleep } });
  registry.putManifest(tagged.path, "v2", MANIFEST, OCI_MANIFEST);
  registry.fault("HEAD", /v1/, ({ response }) => void response.writeHead(429, { "retry-after": "30" }).end());
  const throttled = patient.resolve(tagged, never);
  await expect.poll(() => sleepers.length).toBe(1);
  const later = patient.resolve({ ...tagged, tag: "v2" }, never);
  await expect.poll(() => sleepers.length).toBe(2);
  expect(registry.requests("HEAD")).toHaveLength(1);
  for (const wake of sleepers) wake();
  await later;
  await expect.poll(() => sleepers.length).toBe(3);
  sleepers[2]?.();
  await throttled;
});

test("a warning of the registry is shown once, without control characters", async () => {
  const warn = (response: { setHeader(name: string, value: string): void }): void =>
    response.setHeader("warning", '299 - "moving soon \\"really\\" \u009b31m"');
  registry.fault("HEAD", ANY, ({ response, proceed }) => (warn(response), proceed()), { times: 2 });
  await client.resolve(tagged, never);
  await client.resolve(tagged, never);
  expect(client.warnings).toEqual([`${registry.host} says: moving soon "really"  31m`]);
});

test("an error document of another shape does not matter", async () => {
  for (const body of ["[]", '{"errors":{}}', '{"errors":[1,null,{"code":5}]}', "not json", '"text"', "null"]) {
    registry.fault("GET", ANY, ({ response }) => void response.writeHead(403).end(body));
    expect((await failureOf(client.getManifest(tagged, never))).code).toBe("REGISTRY_DENIED");
  }
});

test("an endless error body is cut", async () => {
  registry.fault("GET", ANY, ({ response }) => {
    response.writeHead(403, { "content-type": "text/plain" });
    const pour = (): void => {
      while (!response.destroyed && response.write("no ".repeat(9999)));
      if (!response.destroyed) response.once("drain", pour);
    };
    response.on("error", () => undefined);
    pour();
  });
  const error = await failureOf(client.getManifest(tagged, never));
  expect(error.code).toBe("REGISTRY_DENIED");
  expect(error.message.length).toBeLessThan(800);
});

test("sha512 digests are verified by their own algorithm", async () => {
  const { createHash } = await import("node:crypto");
  const digest = `sha512:${createHash("sha512").update(MANIFEST).digest("hex")}` as typeof DIGEST;
  registry.fault(
    "GET",
    ANY,
    ({ response }) => void response.writeHead(200, { "content-type": OCI_MANIFEST }).end(MANIFEST),
  );
  expect((await client.getManifest({ ...tagged, digest }, never)).descriptor.digest).toBe(digest);
  expect(sha256(MANIFEST)).toBe(DIGEST);
});
