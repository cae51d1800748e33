import { beforeEach, expect, test } from "vitest";
import { fail, type FakeRegistry } from "./testing/fake-registry.ts";
import { never } from "./testing/test-client.ts";
import { startTestBed } from "./testing/test-bed.ts";
import type { TestClient } from "./testing/test-client.ts";
import type { Repository } from "./types.ts";

const UPLOADS = /\/blobs\/uploads\//;

let registry: FakeRegistry;
let client: TestClient;
let repository: Repository;
beforeEach(async () => {
  ({ registry, client, repository } = await startTestBed());
});

test("an upload is opened and cancelled", async () => {
  await client.checkPush(repository, never);
  expect(registry.seen.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  expect(registry.seen[1]?.url).toMatch(/uploads\/[^/]+\?_state=a%2Fb%3D$/);
});

test.each([
  [401, "UNAUTHORIZED", "REGISTRY_UNAUTHORIZED"],
  [403, "DENIED", "REGISTRY_DENIED"],
  [400, "NAME_INVALID", "REGISTRY_NAME_INVALID"],
  [404, "NAME_UNKNOWN", "REGISTRY_NOT_FOUND"],
  [405, "UNSUPPORTED", "REGISTRY_UNSUPPORTED"],
])("a registry that answers %i %s will not take the push", async (status, said, code) => {
  registry.fault("POST", UPLOADS, ({ response }) => fail(response, status, said), { times: 9 });
  await expect(client.checkPush(repository, never)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(`${registry.host}/team/app`),
  });
});

test.each([200, 400, 404, 429, 500, 501, 503])(
  "a registry that answers %i dislikes the question only",
  async (status) => {
    registry.fault("POST", UPLOADS, ({ response }) => fail(response, status, "UNSUPPORTED"), { times: 9 });
    await client.checkPush(repository, never);
    expect(registry.seen).toHaveLength(1);
  },
);

test.each([400, 403, 404, 405])("an upload that cannot be cancelled (%i) does no harm", async (status) => {
  registry.fault("DELETE", UPLOADS, ({ response }) => fail(response, status, "UNSUPPORTED"));
  await client.checkPush(repository, never);
});

test("a host that nobody answers at is found", async () => {
  await registry.close();
  await expect(client.checkPush(repository, never)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
});
