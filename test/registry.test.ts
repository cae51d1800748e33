import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AppError } from "../src/base/errors.ts";
import type { Descriptor } from "../src/oci/descriptor.ts";
import { describeBytes } from "../src/oci/descriptor.ts";
import { digestOf } from "../src/oci/digest.ts";
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER_GZIP, OCI_MANIFEST } from "../src/oci/media-type.ts";
import { parseReference } from "../src/oci/reference.ts";
import type { Reference } from "../src/oci/reference.ts";
import { createRegistryClient } from "../src/registry/client.ts";
import { parseMirrors } from "../src/registry/mirrors.ts";
import type { BlobSource, RegistryClient } from "../src/registry/types.ts";
import { findProgram, runToolAsync } from "./bed/process.ts";
import { Registry } from "./bed/registry.ts";
import { optionalProgram, startServer } from "./registry-servers.ts";
import type { Server } from "./registry-servers.ts";

const never = new AbortController().signal;
const crane = optionalProgram("crane");
const olareg = optionalProgram("olareg");
const skopeo = findProgram("skopeo");
const dockerRegistry = findProgram("docker-registry");

interface Kind {
  readonly name: string;
  readonly program: string | undefined;
  readonly mounts: boolean;
  start(): Promise<Server>;
}

const KINDS: readonly Kind[] = [
  { name: "docker-registry", program: dockerRegistry, mounts: true, start: () => Registry.start() },
  {
    name: "olareg",
    program: olareg,
    mounts: true,
    start: () =>
      startServer(olareg ?? "", (port) => ["serve", "--addr", "127.0.0.1", "--port", `${port}`, "--store-type", "mem"]),
  },
  {
    name: "crane's registry",
    program: crane,
    // Its blobs belong to all repositories.
    mounts: false,
    start: () => startServer(crane ?? "", (port) => ["registry", "serve", "--address", `127.0.0.1:${port}`]),
  },
];

for (const { name, program } of KINDS) {
  if (program === undefined) console.warn(`${name} is not installed: its registry tests are left out`);
}

const TAR = Buffer.alloc(1024);
const LAYER = gzipSync(TAR);
const CONFIG = Buffer.from(
  JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["A=b"] },
    rootfs: { type: "layers", diff_ids: [digestOf(TAR)] },
    history: [{ created_by: "test" }],
  }),
);
const MANIFEST = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describeBytes(CONFIG, OCI_CONFIG),
    layers: [describeBytes(LAYER, OCI_LAYER_GZIP)],
  }),
);
const INDEX = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [{ ...describeBytes(MANIFEST, OCI_MANIFEST), platform: { os: "linux", architecture: "amd64" } }],
  }),
);

describe.each(KINDS)("$name", ({ program, start, mounts }) => {
  let server: Server;
  let client: RegistryClient;

  beforeAll(async () => {
    if (program === undefined) return;
    server = await start();
    client = createRegistryClient({ env: {} });
  });

  afterAll(async () => {
    client?.close();
    await server?.[Symbol.asyncDispose]();
  });

  const withServer = test.skipIf(program === undefined);

  withServer("an image is pushed, found again and read back, byte for byte", async () => {
    const reference = parseReference(`${server.host}/team/app:v1`);
    await pushImage(client, reference);
    const descriptor = await client.resolve(reference, never);
    expect(descriptor).toEqual(describeBytes(INDEX, OCI_INDEX));
    const index = await client.getManifest(reference, never);
    expect(Buffer.from(index.bytes).equals(INDEX)).toBe(true);
    const manifest = await client.getManifest({ ...reference, digest: digestOf(MANIFEST) }, never);
    expect(manifest.descriptor).toEqual(describeBytes(MANIFEST, OCI_MANIFEST));
    expect((await read(client, reference, describeBytes(LAYER, OCI_LAYER_GZIP))).equals(LAYER)).toBe(true);
  });

  withServer("what is there is not sent again, and known to be there", async () => {
    const reference = parseReference(`${server.host}/team/again:v1`);
    await pushImage(client, reference);
    expect(await client.pushBlob(reference, sourceOf(LAYER), {}, never)).toBe("exists");
    expect(await client.hasManifest(reference, never)).toBe(true);
    expect(await client.hasManifest({ ...reference, tag: "absent" }, never)).toBe(false);
  });

  withServer("a blob of another repository is mounted; where there is none it is sent", async () => {
    const source = parseReference(`${server.host}/base/image:v1`);
    await pushImage(client, source);
    const target = parseReference(`${server.host}/team/mounted`);
    const outcome = await client.pushBlob(target, sourceOf(LAYER), { mountFrom: ["base/image"] }, never);
    expect(outcome).toBe(mounts ? "mounted" : "exists");
    const fresh = Buffer.from("only here");
    expect(await client.pushBlob(target, sourceOf(fresh), { mountFrom: ["base/image", "no/such"] }, never)).toBe(
      "uploaded",
    );
    expect((await read(client, target, describeBytes(fresh, "x"))).equals(fresh)).toBe(true);
  });

  withServer("big blobs go both ways, several at a time", async () => {
    const target = parseReference(`${server.host}/team/big`);
    const blobs = Array.from({ length: 6 }, () => randomBytes(4 << 20));
    await Promise.all(blobs.map((bytes) => client.pushBlob(target, sourceOf(bytes), {}, never)));
    const back = await Promise.all(blobs.map((bytes) => read(client, target, describeBytes(bytes, "x"))));
    expect(back.map((bytes, i) => bytes.equals(blobs[i] ?? Buffer.alloc(0)))).toEqual(blobs.map(() => true));
  });

  withServer("a manifest that is not there is not found, a blob neither", async () => {
    const reference = parseReference(`${server.host}/team/app:absent`);
    expect(await codeOf(client.resolve(reference, never))).toBe("REGISTRY_NOT_FOUND");
    expect(await codeOf(client.getManifest(reference, never))).toBe("REGISTRY_NOT_FOUND");
    expect(await codeOf(read(client, reference, describeBytes(Buffer.from("absent"), "x")))).toBe("REGISTRY_NOT_FOUND");
  });

  withServer("it serves as a mirror of Docker Hub", async () => {
    const copy = parseReference(`${server.host}/library/hello:v1`);
    await pushImage(client, copy);
    const mirrored = createRegistryClient({ env: {}, mirrors: parseMirrors([`docker.io=${server.host}`]) });
    const descriptor = await mirrored.resolve(parseReference("hello:v1"), never);
    expect(descriptor.digest).toBe(digestOf(INDEX));
    mirrored.close();
  });

  test.skipIf(program === undefined || crane === undefined)("crane finds what we pushed valid", async () => {
    const reference = parseReference(`${server.host}/team/crane:v1`);
    await pushImage(client, reference);
    const name = `${server.host}/team/crane:v1`;
    expect(await runToolAsync(crane ?? "", ["digest", name])).toBe(`${digestOf(INDEX)}\n`);
    await runToolAsync(crane ?? "", ["validate", "--remote", name]);
  });

  test.skipIf(program === undefined || skopeo === undefined)("skopeo reads what we pushed", async () => {
    const reference = parseReference(`${server.host}/team/skopeo:v1`);
    await pushImage(client, reference);
    const args = ["inspect", "--tls-verify=false", "--raw", `docker://${server.host}/team/skopeo:v1`];
    expect(await runToolAsync(skopeo ?? "", args)).toBe(INDEX.toString());
  });
});

describe.skipIf(dockerRegistry === undefined)("docker-registry with passwords", () => {
  let registry: Registry;
  let folder: string;

  beforeAll(async () => {
    registry = await Registry.start({ users: { bob: "correct horse" } });
    folder = mkdtempSync(join(tmpdir(), "manyarch-login-"));
  });

  afterAll(async () => {
    await registry.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function clientOf(login?: string): RegistryClient {
    const auths = login === undefined ? {} : { [registry.host]: { auth: Buffer.from(login).toString("base64") } };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths }));
    return createRegistryClient({ env: { DOCKER_CONFIG: folder } });
  }

  test("the account of config.json may push and pull", async () => {
    const client = clientOf("bob:correct horse");
    const reference = parseReference(`${registry.host}/team/app:v1`);
    await pushImage(client, reference);
    expect((await client.resolve(reference, never)).digest).toBe(digestOf(INDEX));
    client.close();
  });

  test("once challenged, a client is not challenged again", async () => {
    const client = clientOf("bob:correct horse");
    const reference = parseReference(`${registry.host}/team/counted:v1`);
    await registry.clearAccesses();
    await client.hasManifest(reference, never);
    await pushImage(client, reference);
    const refused = (await registry.accesses()).filter(({ status }) => status === 401);
    expect(refused).toHaveLength(1);
    client.close();
  });

  test.each([
    ["a wrong password", "bob:wrong", /login again|log in again/],
    ["no account", undefined, /[Ll]og in: docker login localhost:\d+/],
  ])("with %s a pull and a push end with a next step", async (_name, login, hint) => {
    const client = clientOf(login);
    const reference = parseReference(`${registry.host}/team/app:v1`);
    const pull = (): Promise<unknown> => client.resolve(reference, never);
    const push = (): Promise<unknown> => client.pushBlob(reference, sourceOf(LAYER), {}, never);
    for (const attempt of [pull, push]) {
      const error = await failureOf(attempt());
      expect(error.code).toBe("REGISTRY_UNAUTHORIZED");
      expect(error.hint).toMatch(hint);
      expect(`${error.message}${error.hint}`).not.toContain("wrong");
    }
    client.close();
  });
});

describe.skipIf(olareg === undefined)("olareg with limits and warnings", () => {
  test("a limit of the rate is kept to, and a warning is shown once", async () => {
    const warnings: string[] = [];
    const flags = ["--store-type", "mem", "--rate-limit", "20", "--warning", "this registry closes"];
    await using server = await startServer(olareg ?? "", (port) => [
      "serve",
      "--addr",
      "127.0.0.1",
      "--port",
      `${port}`,
      ...flags,
    ]);
    const client = createRegistryClient({ env: {}, onWarning: (text) => warnings.push(text) });
    const reference = parseReference(`${server.host}/team/app:v1`);
    await pushImage(client, reference);
    const many = await Promise.all(Array.from({ length: 40 }, () => client.resolve(reference, never)));
    expect(new Set(many.map(({ digest }) => digest))).toEqual(new Set([digestOf(INDEX)]));
    expect(warnings).toEqual([`${server.host} says: this registry closes`]);
    client.close();
  });
});

async function pushImage(client: RegistryClient, reference: Reference): Promise<void> {
  await Promise.all([LAYER, CONFIG].map((bytes) => client.pushBlob(reference, sourceOf(bytes), {}, never)));
  await client.pushManifest(reference, MANIFEST, OCI_MANIFEST, {}, never);
  await client.pushManifest(reference, INDEX, OCI_INDEX, {}, never);
  await client.pushManifest(reference, INDEX, OCI_INDEX, { tag: reference.tag }, never);
}

function sourceOf(bytes: Uint8Array): BlobSource {
  return { digest: digestOf(bytes), size: bytes.length, open: () => [bytes] };
}

async function read(client: RegistryClient, reference: Reference, descriptor: Descriptor): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  await client.getBlob(reference, descriptor, { write: (chunk) => void chunks.push(chunk) }, never);
  return Buffer.concat(chunks);
}

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  return promise.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: AppError) => error,
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await failureOf(promise)).code;
}
