import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OCI_MANIFEST } from "../../oci/media-type.ts";
import type { Reference } from "../../oci/reference.ts";
import { fail, FakeRegistry } from "../testing/fake-registry.ts";
import { createTestClient, failureOf, manifestOf, never, repositoryAt, sourceOf } from "../testing/test-client.ts";
import { requireTokens } from "../testing/token-service.ts";

const MANIFEST = manifestOf();
const SOURCE = sourceOf(Buffer.from("a blob"));
const LOGIN = Buffer.from("bob:hunter2").toString("base64");

let registry: FakeRegistry;
let service: FakeRegistry;
let reference: Reference;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  service = await FakeRegistry.start();
  reference = { ...repositoryAt(registry.host), tag: "v1" };
  registry.putManifest(reference.path, "v1", MANIFEST, OCI_MANIFEST);
});

afterEach(async () => {
  await registry.close();
  await service.close();
});

function login(entry: object = { auth: LOGIN }): { env: Record<string, string> } {
  return { env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: entry } }) } };
}

/** Asks for `user:password` by Basic. */
function requireBasic(wanted: string): void {
  registry.guard = (seen, response) => {
    if (seen.headers.authorization === `Basic ${wanted}`) return true;
    fail(response, 401, "UNAUTHORIZED", { "www-authenticate": 'BASIC realm="fake"' });
    return false;
  };
}

test("an anonymous token is fetched for the scope, once", async () => {
  const tokens = requireTokens(registry, service);
  using client = createTestClient();
  await client.resolve(reference, never);
  await client.getManifest(reference, never);
  expect(tokens.requests.map(({ url }) => url)).toEqual([
    "/token?realm=own&service=fake&scope=repository%3Ateam%2Fapp%3Apull",
  ]);
  expect(tokens.requests[0]?.headers.authorization).toBeUndefined();
  expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
    undefined,
    "Bearer token-1",
    "Bearer token-1",
  ]);
});

test("a token is fetched with the password of the account", async () => {
  const tokens = requireTokens(registry, service, { login: "bob:hunter2" });
  using client = createTestClient(login());
  await client.resolve(reference, never);
  expect(tokens.requests[0]?.headers.authorization).toBe(`Basic ${LOGIN}`);
});

test("a token for pushing serves pulls too; after the first challenge none is waited for", async () => {
  const tokens = requireTokens(registry, service);
  using client = createTestClient();
  await client.pushBlob(reference, SOURCE, {}, never);
  await client.pushManifest(reference, MANIFEST, OCI_MANIFEST, { tag: "v2" }, never);
  await client.resolve(reference, never);
  expect(tokens.requests).toHaveLength(1);
  await client.pushBlob({ ...reference, path: "other/app" }, SOURCE, {}, never);
  expect(tokens.requests).toHaveLength(2);
  expect(registry.seen.filter(({ headers }) => headers.authorization === undefined)).toHaveLength(1);
});

test("a mount asks for the source's scope too, the target's first", async () => {
  const tokens = requireTokens(registry, service);
  registry.putBlob("base/image", Buffer.from("a blob"));
  using client = createTestClient();
  expect(await client.pushBlob(reference, SOURCE, { mountFrom: ["base/image"] }, never)).toBe("mounted");
  expect(new URL(tokens.requests[1]?.url ?? "", "http://x").searchParams.getAll("scope")).toEqual([
    "repository:team/app:pull,push",
    "repository:base/image:pull",
  ]);
});

test("equal requests at the same time share one token", async () => {
  const tokens = requireTokens(registry, service);
  using client = createTestClient();
  await Promise.all([1, 2, 3, 4].map(() => client.resolve(reference, never)));
  expect(tokens.requests).toHaveLength(1);
});

test("a token is renewed when its time is over, by a clock that the wall clock does not move", async () => {
  const tokens = requireTokens(registry, service);
  using client = createTestClient();
  await client.resolve(reference, never);
  client.clock.time += 100_000;
  await client.resolve(reference, never);
  expect(tokens.requests).toHaveLength(1);
  client.clock.time += 200_000;
  await client.resolve(reference, never);
  expect(tokens.requests).toHaveLength(2);
});

test.each([
  [{ expires_in: 0 }],
  [{ expires_in: -5 }],
  [{ expires_in: "soon" }],
  [{}],
  [{ expires_in: 60, issued_at: "1999-01-01T00:00:00Z" }],
])("a token with %j lives for a minute", async (answer) => {
  registry.guard = tokenGuard({ token: "t", ...answer });
  using client = createTestClient();
  await client.resolve(reference, never);
  client.clock.time += 50_000;
  await client.resolve(reference, never);
  expect(registry.seen.filter(({ url }) => url.startsWith("/token"))).toHaveLength(1);
  client.clock.time += 10_000;
  await client.resolve(reference, never);
  expect(registry.seen.filter(({ url }) => url.startsWith("/token"))).toHaveLength(2);
});

test("a token that was revoked in the middle is replaced, also for an upload", async () => {
  const tokens = requireTokens(registry, service);
  using client = createTestClient();
  registry.fault("POST", /uploads/, ({ proceed }) => {
    proceed();
    tokens.revoke();
  });
  expect(await client.pushBlob(reference, SOURCE, {}, never)).toBe("uploaded");
  expect(tokens.requests).toHaveLength(2);
  expect(registry.requests("PUT")).toHaveLength(2);
  expect(registry.blobs.size).toBe(1);
});

test("a 401 that stays ends after one new token, and names repository and scope", async () => {
  registry.guard = tokenGuard({ token: "useless" }, () => false);
  using client = createTestClient();
  const error = await failureOf(client.resolve(reference, never));
  expect(error.code).toBe("REGISTRY_UNAUTHORIZED");
  expect(error.message).toContain("team/app");
  expect(error.message).toContain("repository:team/app:pull");
  expect(registry.seen).toHaveLength(3);
});

test("wrong credentials are told with where they came from, and without the secret", async () => {
  const tokens = requireTokens(registry, service, { login: "bob:other" });
  using client = createTestClient(login());
  const error = await failureOf(client.resolve(reference, never));
  expect(tokens.requests).toHaveLength(1);
  expect(error.code).toBe("REGISTRY_UNAUTHORIZED");
  expect(error.message).toContain("$DOCKER_AUTH_CONFIG");
  expect(JSON.stringify([error.message, error.hint, error.stack])).not.toMatch(/hunter2|Ym9i/);
});

test("Basic is answered, in any case of the scheme, and sent ahead from then on", async () => {
  requireBasic(LOGIN);
  using client = createTestClient(login());
  await client.resolve(reference, never);
  await client.resolve(reference, never);
  expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([
    undefined,
    `Basic ${LOGIN}`,
    `Basic ${LOGIN}`,
  ]);
});

test("Basic without an account, or with a wrong one, ends", async () => {
  requireBasic("someone else");
  using anonymous = createTestClient();
  const missing = await failureOf(anonymous.resolve(reference, never));
  expect(missing.code).toBe("REGISTRY_UNAUTHORIZED");
  expect(missing.hint).toContain(`docker login ${registry.host}`);
  expect(registry.seen).toHaveLength(1);
  using client = createTestClient(login());
  expect((await failureOf(client.resolve(reference, never))).code).toBe("REGISTRY_UNAUTHORIZED");
  expect(registry.seen).toHaveLength(3);
  expect((await failureOf(client.resolve(reference, never))).code).toBe("REGISTRY_UNAUTHORIZED");
  expect(registry.seen).toHaveLength(4);
});

test("an identity token is changed by POST", async () => {
  const tokens = requireTokens(registry, service, { login: "nobody:x", refreshToken: "refresh" });
  using client = createTestClient(login({ identitytoken: "refresh" }));
  await client.resolve(reference, never);
  expect(tokens.requests.map(({ method }) => method)).toEqual(["POST"]);
  const form = new URLSearchParams(tokens.requests[0]?.body.toString());
  expect(form.get("grant_type")).toBe("refresh_token");
  expect(form.get("service")).toBe("fake");
  expect(form.get("scope")).toBe("repository:team/app:pull");
});

test("an identity token is sent by GET where POST is not known", async () => {
  const tokens = requireTokens(registry, service, { login: "00000000-0000:refresh" });
  const auth = Buffer.from("00000000-0000:").toString("base64");
  using client = createTestClient(login({ auth, identitytoken: "refresh" }));
  await client.resolve(reference, never);
  expect(tokens.requests.map(({ method }) => method)).toEqual(["POST", "GET"]);
});

test("a registry token is sent as it is", async () => {
  registry.guard = (seen, response) => {
    if (seen.headers.authorization === "Bearer given") return true;
    fail(response, 401, "UNAUTHORIZED", { "www-authenticate": `Bearer realm="${service.origin}/token"` });
    return false;
  };
  using client = createTestClient(login({ registrytoken: "given" }));
  await client.resolve(reference, never);
  expect(service.seen).toHaveLength(0);
});

test.each([
  ["nothing", ""],
  ["an array", "[]"],
  ["no token", '{"expires_in":5}'],
  ["a number", '{"token":5}'],
  ["a line break", '{"token":"a\\r\\nx: y"}'],
  ["100 kB", JSON.stringify({ token: "x".repeat(100_000) })],
])("a token answer of %s is refused", async (_name, body) => {
  registry.guard = tokenGuard(body);
  using client = createTestClient();
  await expect(client.resolve(reference, never)).rejects.toMatchObject({
    code: "REGISTRY_PROTOCOL",
    message: expect.stringContaining("gave no token"),
  });
});

test("a token service that fails for a moment is asked again", async () => {
  const tokens = requireTokens(registry, service);
  service.fault("GET", /token/, ({ response }) => fail(response, 503, "UNAVAILABLE"), { times: 2 });
  using client = createTestClient();
  await client.resolve(reference, never);
  expect(client.clock.slept).toHaveLength(2);
  expect(tokens.requests).toHaveLength(1);
});

test("a 401 without a challenge, or with one we cannot answer, ends", async () => {
  for (const header of ["", "Negotiate", 'Bearer service="x"']) {
    registry.fault("HEAD", /manifests/, ({ response }) =>
      fail(response, 401, "UNAUTHORIZED", { "www-authenticate": header }),
    );
    using client = createTestClient(login());
    expect((await failureOf(client.resolve(reference, never))).code).toBe("REGISTRY_UNAUTHORIZED");
  }
});

test("a registry that sends us elsewhere for a token is refused before credentials leave", async () => {
  for (const realm of ["http://169.254.169.254/token", "http://auth.example/token", "https://10.0.0.1/token"]) {
    registry.fault("HEAD", /manifests/, ({ response }) =>
      fail(response, 401, "UNAUTHORIZED", { "www-authenticate": `Bearer realm="${realm}"` }),
    );
    using client = createTestClient(login());
    const error = await failureOf(client.resolve(reference, never));
    expect(error.code).toBe("REGISTRY_PROTOCOL");
    expect(error.hint).toContain("No credentials were sent");
    await client.resolve(reference, never);
    expect(registry.connections).toBe(1);
    registry.dropConnections();
    await expect.poll(() => registry.connections).toBe(0);
  }
});

test("a challenge whose connection breaks while its account is looked up is answered all the same", async () => {
  requireBasic(Buffer.from("bob:late").toString("base64"));
  const home = mkdtempSync(join(tmpdir(), "manyarch-authorizer-"));
  const helper = join(home, "docker-credential-slow");
  writeFileSync(helper, `#!/bin/sh\nsleep 0.3\nprintf '{"Username":"bob","Secret":"late"}'\n`);
  chmodSync(helper, 0o755);
  registry.fault("HEAD", /manifests/, ({ response }) => {
    response.writeHead(401, { "www-authenticate": "Basic", "content-length": 0 }).end(() => response.socket?.destroy());
  });
  registry.fault("GET", /manifests/, ({ response }) => {
    response.writeHead(401, { "www-authenticate": "Basic", "content-length": 100 });
    response.write("some of it", () => response.destroy());
  });
  const env = { PATH: `${home}:/usr/bin:/bin`, DOCKER_AUTH_CONFIG: JSON.stringify({ credsStore: "slow" }) };
  for (const ask of ["resolve", "getManifest"] as const) {
    using client = createTestClient({ env });
    await client[ask](reference, never);
  }
  rmSync(home, { recursive: true });
});

/** Asks for a bearer token and gives `answer` for one; lets in whom `admit` does. */
function tokenGuard(
  answer: object | string,
  admit = (header: string): boolean => header !== "",
): FakeRegistry["guard"] {
  return (seen, response) => {
    if (seen.url.startsWith("/token")) {
      response.writeHead(200).end(typeof answer === "string" ? answer : JSON.stringify(answer));
      return false;
    }
    if (admit(seen.headers.authorization ?? "")) return true;
    fail(response, 401, "UNAUTHORIZED", { "www-authenticate": `Bearer realm="${registry.origin}/token"` });
    return false;
  };
}
