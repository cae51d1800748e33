import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OCI_MANIFEST } from "../oci/media-type.ts";
import { fail, FakeRegistry } from "./testing/fake-registry.ts";
import type { FaultContext } from "./testing/fake-registry.ts";
import {
  collect,
  createTestClient,
  describeBlob,
  failureOf,
  manifestOf,
  never,
  repositoryAt,
  sourceOf,
} from "./testing/test-client.ts";
import type { TestClient } from "./testing/test-client.ts";
import { requireTokens } from "./testing/token-service.ts";
import type { Repository } from "./types.ts";

const BYTES = Buffer.from("some layer");
const MANIFEST = manifestOf();
const DESCRIPTOR = describeBlob(BYTES);

/** What another origin may be sent. All else would be a leak. */
const HARMLESS = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-length",
  "content-type",
  "host",
  "range",
  "transfer-encoding",
  "user-agent",
]);

let registry: FakeRegistry;
let other: FakeRegistry;
let repository: Repository;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  other = await FakeRegistry.start();
  repository = repositoryAt(registry.host);
  for (const place of [registry, other]) {
    place.putBlob(repository.path, BYTES);
    place.putManifest(repository.path, "v1", MANIFEST, OCI_MANIFEST);
  }
});

afterEach(async () => {
  await registry.close();
  await other.close();
});

type Guarding = "basic" | "bearer";

/** The registry knows the account; so does the client, for this registry alone. */
function guardedClient(guarding: Guarding): TestClient {
  const auth = Buffer.from("bob:hunter2").toString("base64");
  if (guarding === "bearer") requireTokens(registry, registry, { login: "bob:hunter2" });
  else registry.guard = basicGuard(auth);
  return createTestClient({ env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }) } });
}

function basicGuard(auth: string): FakeRegistry["guard"] {
  return (seen, response) => {
    if (seen.headers.authorization === `Basic ${auth}`) return true;
    fail(response, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="fake"' });
    return false;
  };
}

function expectNothingLeaked(place = other): void {
  expect(place.seen.length).toBeGreaterThan(0);
  for (const { headers, url } of place.seen) {
    expect(Object.keys(headers).filter((name) => !HARMLESS.has(name))).toEqual([]);
    expect(`${url} ${JSON.stringify(headers)}`).not.toMatch(/hunter2|Ym9iOmh1bnRlcjI|token-\d/);
  }
}

const redirect =
  (status: number, to: (context: FaultContext) => string) =>
  (context: FaultContext): void =>
    void context.response.writeHead(status, { location: to(context) }).end();

const operations: Record<string, { method: string; path: RegExp; run: (client: TestClient) => Promise<unknown> }> = {
  "HEAD of a manifest": {
    method: "HEAD",
    path: /manifests/,
    run: (client) => client.resolve({ ...repository, tag: "v1" }, never),
  },
  "GET of a manifest": {
    method: "GET",
    path: /manifests/,
    run: (client) => client.getManifest({ ...repository, tag: "v1" }, never),
  },
  "PUT of a manifest": {
    method: "PUT",
    path: /manifests/,
    run: (client) => client.pushManifest(repository, MANIFEST, OCI_MANIFEST, { tag: "v2" }, never),
  },
  "HEAD of a blob": {
    method: "HEAD",
    path: /blobs/,
    run: (client) => client.pushBlob(repository, sourceOf(BYTES), {}, never),
  },
  "GET of a blob": {
    method: "GET",
    path: /blobs/,
    run: (client) => client.getBlob(repository, DESCRIPTOR, collect(), never),
  },
  "POST of an upload": {
    method: "POST",
    path: /uploads/,
    run: (client) => client.pushBlob(repository, sourceOf(Buffer.from("new")), {}, never),
  },
  "POST of a mount": {
    method: "POST",
    path: /mount=/,
    run: (client) => client.pushBlob(repository, sourceOf(Buffer.from("new")), { mountFrom: ["base/image"] }, never),
  },
  "PUT of an upload": {
    method: "PUT",
    path: /uploads/,
    run: (client) => client.pushBlob(repository, sourceOf(Buffer.from("new")), {}, never),
  },
};

const cases = Object.keys(operations).flatMap((name) =>
  (["basic", "bearer"] as const).map((guarding) => [name, guarding] as const),
);

test.each(cases)("a redirected %s with %s takes no credentials along", async (name, guarding) => {
  const operation = operations[name];
  if (operation === undefined) throw new Error(name);
  using client = guardedClient(guarding);
  // The first answer is the challenge; the one to the authorised request leads away.
  await client.hasManifest({ ...repository, tag: "none" }, never);
  registry.fault(
    operation.method,
    operation.path,
    redirect(307, ({ seen }) => `${other.origin}${seen.url}`),
    { times: 9 },
  );
  await operation.run(client).catch(() => undefined);
  expect(registry.seen.some(({ headers }) => headers.authorization !== undefined)).toBe(true);
  expectNothingLeaked();
});

test.each(["basic", "bearer"] as const)(
  "an upload that is sent to another origin takes no %s credentials along",
  async (guarding) => {
    using client = guardedClient(guarding);
    const bytes = Buffer.from("new");
    registry.fault("POST", /uploads/, ({ response }) => {
      response.writeHead(202, { location: `${other.origin}/v2/team/app/blobs/uploads/1?state=x` }).end();
    });
    expect(await client.pushBlob(repository, sourceOf(bytes), {}, never)).toBe("uploaded");
    expect(other.blobs.has(describeBlob(bytes).digest)).toBe(true);
    expectNothingLeaked();
  },
);

test("another origin that asks for credentials gets none", async () => {
  using client = guardedClient("basic");
  other.guard = (seen, response) => {
    fail(response, 401, "UNAUTHORIZED", {
      "www-authenticate": `Basic realm="x", Bearer realm="${other.origin}/token"`,
    });
    return seen.url === "";
  };
  registry.fault("GET", /manifests/, ({ proceed }) => proceed());
  registry.fault(
    "GET",
    /manifests/,
    redirect(302, ({ seen }) => `${other.origin}${seen.url}`),
  );
  const error = await failureOf(client.getManifest({ ...repository, tag: "v1" }, never));
  expect(error.code).toBe("REGISTRY_UNAUTHORIZED");
  expectNothingLeaked();
});

test("a challenge of the place that the very first request was redirected to gets nothing", async () => {
  using client = guardedClient("basic");
  other.guard = (seen, response) => {
    if (seen.url.startsWith("/token")) response.end('{"token":"x"}');
    else fail(response, 401, "UNAUTHORIZED", { "www-authenticate": `Bearer realm="${other.origin}/token"` });
    return false;
  };
  registry.fault(
    "GET",
    /manifests/,
    redirect(302, ({ seen }) => `${other.origin}${seen.url}`),
    { times: 9 },
  );
  const error = await failureOf(client.getManifest({ ...repository, tag: "v1" }, never));
  expect(error.code).toBe("REGISTRY_UNAUTHORIZED");
  expectNothingLeaked();
});

test("what was dropped on the way stays dropped on the way back", async () => {
  using client = guardedClient("basic");
  registry.fault("HEAD", /manifests/, ({ proceed }) => proceed());
  registry.fault(
    "HEAD",
    /manifests/,
    redirect(302, () => `${other.origin}/away`),
  );
  other.fault(
    "HEAD",
    /away/,
    redirect(302, () => `${registry.origin}/back`),
  );
  registry.fault("HEAD", /back/, ({ response }) => void response.writeHead(404).end());
  await client.resolve({ ...repository, tag: "v1" }, never).catch(() => undefined);
  expect(registry.seen.find(({ url }) => url === "/back")?.headers.authorization).toBeUndefined();
});

test("the same host by another name is another origin", async () => {
  using client = guardedClient("basic");
  registry.fault("GET", /manifests/, ({ proceed }) => proceed());
  registry.fault(
    "GET",
    /manifests/,
    redirect(302, () => `http://localhost:${registry.port}/elsewhere`),
  );
  await client.getManifest({ ...repository, tag: "v1" }, never).catch(() => undefined);
  const elsewhere = registry.seen.find(({ url }) => url === "/elsewhere");
  expect(elsewhere).toBeDefined();
  expect(elsewhere?.headers.authorization).toBeUndefined();
});

test("within its origin a redirect keeps the credentials", async () => {
  using client = guardedClient("basic");
  registry.putManifest(repository.path, "moved", MANIFEST, OCI_MANIFEST);
  registry.fault("GET", /v1$/, ({ proceed }) => proceed());
  registry.fault(
    "GET",
    /v1$/,
    redirect(301, () => "/v2/team/app/manifests/moved"),
  );
  await client.getManifest({ ...repository, tag: "v1" }, never);
  expect(registry.seen.at(-1)?.headers.authorization).toMatch(/^Basic /);
});

test("credentials of a registry are not sent to its mirror, nor to a host whose name begins alike", async () => {
  const auth = Buffer.from("bob:hunter2").toString("base64");
  other.guard = (seen, response) => {
    fail(response, 401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="x"' });
    return seen.url === "";
  };
  const { port } = other;
  const names = [
    "docker.io",
    "https://index.docker.io/v1/",
    `127.0.0.1:${port}0`,
    "127.0.0.1",
    `127.0.0.1:${port}.evil`,
  ];
  const auths = Object.fromEntries(names.map((name) => [name, { auth }]));
  const { parseMirrors } = await import("./mirrors.ts");
  using client = createTestClient({
    env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }), HTTPS_PROXY: "http://127.0.0.1:9" },
    mirrors: parseMirrors([`docker.io=${other.host}`]),
    retry: { attempts: 1 },
  });
  await client.resolve({ domain: "docker.io", path: "library/x", tag: "1" }, never).catch(() => undefined);
  expectNothingLeaked();
});

test.each([
  ["a loop", () => `${registry.origin}/v2/team/app/manifests/v1`],
  ["a file", () => "file:///etc/passwd"],
  ["data", () => "data:application/json,{}"],
  ["the metadata service", () => "http://169.254.169.254/latest/meta-data/"],
  ["no URL", () => "http://"],
])("a redirect to %s is refused", async (_name, to) => {
  using client = createTestClient();
  registry.fault("GET", /manifests/, redirect(302, to), { times: 50 });
  const error = await failureOf(client.getManifest({ ...repository, tag: "v1" }, never));
  expect(error.code).toBe("REGISTRY_PROTOCOL");
  expect(registry.seen.length).toBeLessThanOrEqual(11);
});

test("a password in a redirect's URL is neither sent nor shown", async () => {
  using client = createTestClient();
  registry.fault(
    "GET",
    /manifests/,
    redirect(302, () => `http://bob:hunter2@${other.host}/x?X-Amz-Signature=hunter2`),
  );
  other.fault("GET", /x/, ({ response }) => void response.writeHead(403).end());
  const error = await failureOf(client.getManifest({ ...repository, tag: "v1" }, never));
  expect(error.message).not.toContain("hunter2");
  expect(other.seen[0]?.headers.authorization).toBeUndefined();
});

describe("a token service that redirects to another origin", () => {
  const away = redirect(307, ({ seen }) => `${other.origin}${seen.url}`);

  function clientOf(entry: object): TestClient {
    requireTokens(registry, registry, { login: "bob:hunter2", refreshToken: "hunter2" });
    return createTestClient({ env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: entry } }) } });
  }

  test("has no refresh token sent there", async () => {
    using client = clientOf({ identitytoken: "hunter2" });
    registry.fault("POST", /token/, away);
    const error = await failureOf(client.resolve({ ...repository, tag: "v1" }, never));
    expect(error.code).toBe("REGISTRY_PROTOCOL");
    expect(other.seen).toEqual([]);
  });

  test("has no password sent there", async () => {
    using client = clientOf({ auth: Buffer.from("bob:hunter2").toString("base64") });
    registry.fault("GET", /token/, away);
    await client.resolve({ ...repository, tag: "v1" }, never).catch(() => undefined);
    expectNothingLeaked();
  });
});

test("a PUT follows 307 with its body, and no 302", async () => {
  using client = createTestClient();
  const bytes = Buffer.from("new");
  registry.fault(
    "PUT",
    /uploads/,
    redirect(307, ({ seen }) => `${other.origin}${seen.url}`),
  );
  expect(await client.pushBlob(repository, sourceOf(bytes), {}, never)).toBe("uploaded");
  expect(other.blobs.get(describeBlob(bytes).digest)?.equals(bytes)).toBe(true);
  registry.fault(
    "PUT",
    /manifests/,
    redirect(302, ({ seen }) => `${other.origin}${seen.url}`),
  );
  const error = await failureOf(client.pushManifest(repository, MANIFEST, OCI_MANIFEST, { tag: "v2" }, never));
  expect(error.code).toBe("REGISTRY_PROTOCOL");
});
