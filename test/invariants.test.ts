import { chmodSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Registry } from "./bed/registry.ts";
import { startBed, type Bed, type CliResult } from "./bed/bed.ts";
import { missingForNamespaces, runsAsRoot, unprivilegedUser } from "./bed/user.ts";
import { newContext } from "./support/context.ts";
import { SlowRegistry } from "./support/slow-registry.ts";

/**
 * The invariants of ARCHITECTURE.md over whole builds. Most have closer tests beside what keeps them:
 * docs/invariants.md lists all.
 */
const missing = missingForNamespaces(unprivilegedUser());
const EPOCH = { SOURCE_DATE_EPOCH: "1700000000" };

let bed: Bed;
let slow: SlowRegistry;
let count = 0;

beforeAll(async () => {
  bed = await startBed({ user: missing === undefined ? "unprivileged" : "current" });
  slow = await SlowRegistry.before(bed.target);
});
afterAll(async () => {
  await slow[Symbol.asyncDispose]();
  await bed[Symbol.asyncDispose]();
});

const DOCKERFILE =
  "FROM busybox AS made\nRUN echo made > /made\nFROM busybox\nCOPY --from=made /made /made\nCOPY . /context/\n";
const FILES = { Dockerfile: DOCKERFILE, "a.txt": "a\n", "b/c.txt": "c\n" };

const build = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> =>
  bed.cli(["build", "--progress=plain", ...args], { env: { ...EPOCH, ...env } });

function digestOf({ stdout, stderr }: CliResult): string {
  const digest = /@(sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
  if (digest === undefined) throw new Error(`no digest in ${stdout}${stderr}`);
  return digest;
}

/** Pushes to a new repository and answers the digest. */
async function push(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  return digestOf(await build(["--push", `--tag=${bed.target.host}/pushed-${count++}`, ...args], env));
}

async function tagOf(repository: string): Promise<string | undefined> {
  const accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
  const url = `${bed.target.url}/v2/${repository}/manifests/latest`;
  const answer = await fetch(url, { method: "HEAD", headers: { accept } });
  return answer.headers.get("docker-content-digest") ?? undefined;
}

describe("1: bytes of the store are verified before use", () => {
  test.each([
    ["in the middle", (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1)],
    [
      "in its last byte",
      (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 0x80, bytes.length - 1),
    ],
  ])("a layer with a wrong bit %s is never pushed, but made again", async (_, spoil) => {
    const context = newContext(bed, FILES);
    const store = bed.newDirectory(`spoiled-${count++}`);
    const good = await push([context], { MANYARCH_ROOT: store });
    const blobs = join(store, "blobs/sha256");
    for (const name of readdirSync(blobs)) {
      const bytes = readFileSync(join(blobs, name));
      spoil(bytes);
      overwrite(join(blobs, name), bytes);
    }
    // One that has nothing of it already.
    await using empty = await Registry.start();
    const again = await build(["--push", `--tag=${empty.host}/again`, context], { MANYARCH_ROOT: store });
    expect(digestOf(again)).toBe(good);
    expect(readdirSync(join(store, "quarantine")).length).toBeGreaterThan(0);
  });
});

describe("2: a tag moves last", () => {
  test("blobs, manifests and the index come before any tag of any repository", async () => {
    await bed.target.clearAccesses();
    const tags = ["one:1", "one:2", "two:latest"].map((name) => `--tag=${bed.target.host}/last-${name}`);
    const result = await build([
      "--push",
      "--platform=linux/amd64,linux/arm64",
      ...tags,
      newContext(bed, { Dockerfile: "FROM busybox\nCOPY . /\n" }),
    ]);
    expect(result.exitCode, result.stderr).toBe(0);
    const puts = (await bed.target.accesses()).filter(({ method }) => method === "PUT").map(({ path }) => path);
    const isTag = (path: string): boolean => /\/manifests\/(1|2|latest)$/.test(path);
    expect(puts.filter(isTag).length).toBe(3);
    expect(puts.slice(-3).every(isTag), puts.join("\n")).toBe(true);
  });

  test("where one repository fails no tag of another moves", async () => {
    const arrived = slow.stopAt((method, path) => method === "PUT" && path.includes("/refusing/manifests/sha256:"));
    const context = newContext(bed, FILES);
    let pid = 0;
    const ended = bed.cli(["build", "--push", `--tag=${slow.host}/willing`, `--tag=${slow.host}/refusing`, context], {
      onStart: (started) => (pid = started),
    });
    await arrived;
    // Long enough for the willing one to have all that it needs.
    await until(async () =>
      (await bed.target.accesses()).some(
        ({ method, path }) => method === "PUT" && path.includes("/willing/manifests/sha256:"),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    process.kill(pid, "SIGTERM");
    expect((await ended).exitCode).toBe(143);
    slow.goOn();
    expect([await tagOf("willing"), await tagOf("refusing")]).toEqual([undefined, undefined]);
  });
});

test("4: builds that share a store at the same time do not disturb each other", async () => {
  const context = newContext(bed, FILES);
  const alone = await push([context], { MANYARCH_ROOT: bed.newDirectory("alone") });
  const store = bed.newDirectory("shared");
  const together = await Promise.all([1, 2, 3].map(() => push([context], { MANYARCH_ROOT: store })));
  expect(together).toEqual([alone, alone, alone]);
  expect(readdirSync(join(store, "sessions"))).toEqual([]);
  expect(readdirSync(join(store, "quarantine"))).toEqual([]);
});

describe("5: no path escapes", () => {
  test("COPY through a link of the context takes nothing from outside of it", async () => {
    const secret = join(bed.directory, "outside");
    writeFileSync(secret, "outside", { mode: 0o644 });
    const links = { link: { link: secret }, up: { link: "../outside" }, away: { link: bed.directory } };
    for (const source of ["away/outside", "away/*"]) {
      const context = newContext(bed, { ...links, Dockerfile: `FROM scratch\nCOPY ${source} /taken\n` });
      const output = join(bed.newDirectory(`taken-${count++}`), "out");
      const result = await build([`--output=${output}`, context]);
      expect(result.exitCode, result.stderr).toBe(4);
      expect(existsSync(output)).toBe(false);
    }
    const context = newContext(bed, { ...links, Dockerfile: "FROM scratch\nCOPY . /taken/\n" });
    const output = join(bed.newDirectory(`taken-${count++}`), "out");
    expect((await build([`--output=${output}`, context])).exitCode).toBe(0);
    expect(statSync(join(output, "taken/Dockerfile")).isFile()).toBe(true);
    expect(readdirSync(join(output, "taken")).toSorted()).toEqual(["Dockerfile", "away", "link", "up"]);
  });

  test("an output through a link of the image writes nothing outside of its directory", async () => {
    const outside = bed.newDirectory(`outside-${count++}`);
    const steps = `FROM busybox AS made\nRUN mkdir /files && ln -s ${outside} /files/away\nFROM scratch\nCOPY --from=made /files/ /\nCOPY a.txt /away/a.txt\n`;
    const context = newContext(bed, { ...FILES, Dockerfile: steps });
    const output = join(bed.newDirectory(`written-${count++}`), "out");
    await build([`--output=${output}`, context]);
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe("7: cache trouble never fails a build", () => {
  test.each(["records.db", "indexes"])("garbage in %s costs time only", async (name) => {
    const context = newContext(bed, FILES);
    const store = bed.newDirectory(`garbage-${count++}`);
    const good = await push([context], { MANYARCH_ROOT: store });
    const place = join(store, name);
    const files = statSync(place).isDirectory() ? readdirSync(place).map((file) => join(place, file)) : [place];
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      overwrite(file, "garbage that is no database and no JSON".repeat(200));
    }
    expect(await push([context], { MANYARCH_ROOT: store })).toBe(good);
  });

  test("snapshots and blobs that vanished are made again", async () => {
    const context = newContext(bed, FILES);
    const store = bed.newDirectory(`vanished-${count++}`);
    const good = await push([context], { MANYARCH_ROOT: store });
    for (const name of readdirSync(join(store, "blobs/sha256"))) rmSync(join(store, "blobs/sha256", name));
    expect(await push([context], { MANYARCH_ROOT: store })).toBe(good);
  });
});

describe("8: same inputs, same digests", () => {
  test("at any parallelism, in any directory, with any umask, cached or not", async () => {
    const digests = new Set<string>();
    for (const flags of [["--jobs=1"], ["--jobs=16"], ["--no-cache"], []]) {
      digests.add(
        await push([...flags, newContext(bed, FILES)], { MANYARCH_ROOT: bed.newDirectory(`same-${count++}`) }),
      );
    }
    const masked = ["sh", "-c", 'umask 077; exec "$@"', "sh"];
    const args = ["build", "--push", `--tag=${bed.target.host}/masked`, newContext(bed, FILES)];
    const env = { ...EPOCH, MANYARCH_ROOT: bed.newDirectory("masked"), TZ: "Asia/Tokyo", LC_ALL: "C" };
    digests.add(digestOf(await bed.cli(args, { prefix: masked, env })));
    expect(digests.size).toBe(1);
  });

  test.skipIf(!runsAsRoot || missing !== undefined)("by any user", async () => {
    await using other = await startBed({ user: "current" });
    const args = (of: Bed): readonly string[] => [
      "build",
      "--push",
      `--tag=${of.target.host}/same`,
      newContext(of, FILES),
    ];
    const byUser = await bed.cli(args(bed), { env: { ...EPOCH, MANYARCH_ROOT: bed.newDirectory("by-user") } });
    const byRoot = await other.cli(args(other), { env: EPOCH });
    expect(digestOf(byRoot)).toBe(digestOf(byUser));
  });
});

test("10: every error of the source has a code that is documented with its exit code", () => {
  const page = readFileSync(new URL("../docs/exit-codes.md", import.meta.url), "utf8");
  const documented = [...page.matchAll(/`([A-Z_]+)\*?`/g)].map(([, prefix = ""]) => prefix);
  const source = new URL("../src/", import.meta.url).pathname;
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
    /(?<!\.test)\.ts$/.test(name),
  );
  const codes = files.flatMap((name) =>
    [...readFileSync(join(source, name), "utf8").matchAll(/new \w*Error\(\s*"([A-Z]+_[A-Z_]+)"/g)].map(
      ([, code = ""]) => code,
    ),
  );
  expect(codes.length).toBeGreaterThan(100);
  expect([...new Set(codes)].filter((code) => !documented.some((prefix) => code.startsWith(prefix)))).toEqual([]);
});

test("the page of invariants names tests that exist, for all ten", () => {
  const root = new URL("../", import.meta.url);
  const page = readFileSync(new URL("docs/invariants.md", root), "utf8");
  const rows = [...page.matchAll(/^\| (\d+) \| .* \| `([^`]+)` \| (.*) \|$/gm)];
  expect(new Set(rows.map(([, invariant]) => Number(invariant)))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
  const gone = rows.filter(([, , file = "", name]) => !readFileSync(new URL(file, root), "utf8").includes(`"${name}"`));
  expect(gone.map(([row]) => row)).toEqual([]);
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error("what was waited for did not come");
  }
}

/** What the store holds is read-only; owner and place stay as they are. */
function overwrite(path: string, bytes: Buffer | string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}
