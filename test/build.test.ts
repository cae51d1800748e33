import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countAccesses } from "./bed/access-log.ts";
import { startBed, type Bed } from "./bed/bed.ts";
import { emulatorPrefix } from "./bed/emulators.ts";
import { runTool } from "./bed/process.ts";
import { CHECKOUT } from "./bed/user.ts";
import { build, MACHINE } from "./support/build-log.ts";
import { newContext, writeFiles } from "./support/context.ts";
import { configOf, crane, documentOf, manifestOf, platformName, Rootfs, type Index } from "./support/image.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7"] as const;
const GOARCH = { "linux/amd64": "amd64", "linux/arm64": "arm64", "linux/arm/v7": "arm" } as const;

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(() => bed[Symbol.asyncDispose]());

describe("examples/hello for three platforms, by a user without privileges", () => {
  let context: string;
  let flags: readonly string[];
  const name = "demo/hello:1";
  beforeAll(async () => {
    context = newContext(bed, {});
    cpSync(join(CHECKOUT, "examples/hello"), context, { recursive: true });
    runTool("chmod", ["-R", "a+rX", context]);
    flags = ["--push", "--platform", PLATFORMS.join(","), "-t", `${bed.target.host}/${name}`, context];
  });

  test("cold: one index, valid, each binary runs on its platform; shared steps ran once", async () => {
    const first = await build(bed, flags);
    const raw = runTool("skopeo", ["inspect", "--raw", "--tls-verify=false", `docker://${bed.target.host}/${name}`]);
    expect((JSON.parse(raw) as Index).manifests.map((one) => platformName(one.platform))).toEqual([...PLATFORMS]);
    await crane("validate", "--remote", `${bed.target.host}/${name}`);
    expect(await crane("digest", `${bed.target.host}/${name}`)).toBe(`${first.digest}\n`);
    for (const platform of PLATFORMS) {
      using root = await Rootfs.of(bed.target, name, platform);
      const said = runTool("sh", ["-ec", '"$@"', "sh", ...emulatorPrefix(platform), root.extract("hello")]);
      expect(said).toContain(`linux/${GOARCH[platform]}`);
    }
    const inBuild = first.steps.filter((step) => step.place.includes("build"));
    const shared = inBuild.filter((step) => step.place.startsWith("linux/amd64+arm64+arm/v7 "));
    expect(shared.map((step) => step.text.split(" ")[0])).toEqual(["FROM", "WORKDIR", "COPY"]);
    expect(inBuild).toHaveLength(shared.length + PLATFORMS.length);
    expect(first.closing.ran).toBe(3 + 2 * PLATFORMS.length);
    expect(bed.leftovers()).toEqual({ processes: [], mounts: [], files: [] });
  }, 300_000);

  test("again: no step runs, no layer is uploaded or pulled, no worker starts, and the log says so", async () => {
    await bed.mirror.clearAccesses();
    await bed.target.clearAccesses();
    let sawWorker = false;
    const look = (): void => {
      sawWorker ||= bed.leftovers().processes.some((line) => line.includes("worker/main.ts"));
    };
    const again = await build(bed, flags, { onStderr: look });
    expect(again.closing).toMatchObject({ ran: 0, uploaded: 0 });
    expect(again.stderr).toMatch(/^no step ran, \d+ cached; no layer uploaded, \d+ already there; /m);
    expect(new Set(again.steps.map((step) => step.verdict))).toEqual(new Set(["cached"]));
    expect(sawWorker).toBe(false);
    expect(countAccesses(await bed.mirror.accesses())).toMatchObject({ blobGets: 0 });
    expect(countAccesses(await bed.target.accesses())).toMatchObject({ blobPuts: 0, blobGets: 0 });
  });

  test("the same bytes with another time: still nothing runs", async () => {
    runTool("touch", [join(context, "main.go")]);
    const again = await build(bed, flags);
    expect(again.closing.ran).toBe(0);
  });
});

describe("a module with its go.mod first", () => {
  // No package of the standard library: the compiler has little to do.
  const MAIN = 'package main\n\nfunc main() { println("one") }\n';
  const DOCKERFILE = `FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod ./
RUN go mod download
COPY . .
ARG TARGETARCH
RUN GOARCH=$TARGETARCH CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -buildid=" -o /out/app .
FROM gcr.io/distroless/static:nonroot
COPY --from=build /out/app /app
ENTRYPOINT ["/app"]
`;
  let context: string;
  let flags: readonly string[];
  beforeAll(async () => {
    const go = "module example.com/app\n\ngo 1.26\n";
    context = newContext(bed, { Dockerfile: DOCKERFILE, "main.go": MAIN, "go.mod": go });
    flags = ["--push", "-t", `${bed.target.host}/module:1`, context];
    await build(bed, flags);
  }, 300_000);

  test("main.go changed: what depends on it runs, `go mod download` does not; the reason names main.go", async () => {
    writeFiles(context, { "main.go": MAIN.replace("one", "two") });
    const { steps, closing } = await build(bed, flags);
    expect(closing.ran).toBe(3);
    expect(steps.find((step) => step.text === "RUN go mod download")?.verdict).toBe("cached");
    const copy = steps.find((step) => step.text === "COPY . .");
    expect(copy).toMatchObject({ verdict: "ran", why: "content changed: main.go (content)" });
  });

  test("only a comment changed: the binary is the same, so the image is, and nothing is uploaded", async () => {
    const before = (await build(bed, flags)).digest;
    writeFiles(context, { "main.go": `${MAIN.replace("one", "two")}// a comment\n` });
    const { steps, closing, digest } = await build(bed, flags);
    expect(steps.at(-1)).toMatchObject({ text: "COPY --from=build /out/app /app", verdict: "cached" });
    expect(closing).toMatchObject({ ran: 2, uploaded: 0 });
    expect(digest).toBe(before);
  });
});

describe("company certificates", () => {
  let server: Server;
  let bundle: string;
  let url: string;
  beforeAll(async () => {
    const directory = bed.newDirectory("ca");
    bundle = join(directory, "company.pem");
    const files = ["-keyout", join(directory, "key.pem"), "-out", bundle];
    const subject = ["-subj", "/CN=Company", "-addext", "subjectAltName=IP:127.0.0.1"];
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    runTool("openssl", ["req", "-x509", "-days", "2", ...key, ...subject, ...files]);
    runTool("chmod", ["a+rX", "-R", directory]);
    const pem = { cert: readFileSync(bundle), key: readFileSync(join(directory, "key.pem")) };
    // What git asks a server of plain files.
    server = createServer(pem, (_, answer) => answer.end(`${"1".repeat(40)}\trefs/heads/main\n`));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/repository`;
  });
  afterAll(() => server.close());

  const dockerfile = (): string => `FROM golang:1.26-bookworm
RUN test -f "$SSL_CERT_FILE" && git ls-remote ${url} > /refs
`;

  test("a RUN trusts what this machine trusts; no trace of it is in layer, history or config", async () => {
    const context = newContext(bed, { Dockerfile: dockerfile() });
    const flags = ["--push", "-t", `${bed.target.host}/ca:1`, context];
    await build(bed, flags, { env: { SSL_CERT_FILE: bundle } });
    using layer = await Rootfs.ofLayer(bed.target, "ca:1", -1, MACHINE);
    expect(layer.read("refs")).toContain("refs/heads/main");
    expect(Object.keys(layer.files)).toEqual(["refs"]);
    expect(JSON.stringify(await configOf(bed.target, "ca:1"))).not.toMatch(/SSL_CERT_FILE=|ca\.pem/);
    // The key does not know of it either: whoever trusts something else has the same result.
    expect(
      (await build(bed, flags, { env: { SSL_CERT_FILE: "/etc/ssl/certs/ca-certificates.crt" } })).closing.ran,
    ).toBe(0);
  });

  test("--host-ca=off: it does not", async () => {
    const context = newContext(bed, {
      Dockerfile: `FROM busybox\nRUN env | grep -e SSL_CERT -e CA_BUNDLE | wc -l\n`,
    });
    const env = { SSL_CERT_FILE: bundle };
    expect((await build(bed, ["--host-ca=off", context], { env })).steps.at(-1)?.output).toBe("0\n");
    const on = newContext(bed, { Dockerfile: `FROM busybox\nRUN true; env | grep -e SSL_CERT_FILE | wc -l\n` });
    expect((await build(bed, [on], { env })).steps.at(-1)?.output).toBe("1\n");
  });
});

describe("a base of which nothing is read", () => {
  const DOCKERFILE = `FROM debian:bookworm-slim
COPY tool /opt-tool/tool
ENV A=1
CMD ["/opt-tool/tool"]
`;

  test("is neither extracted nor downloaded where the target can mount its layers", async () => {
    // One registry is mirror and target: the base's layers are there already, in another repository.
    const { host } = bed.target;
    await crane(
      "copy",
      "--platform",
      MACHINE,
      `${bed.mirror.host}/library/debian:bookworm-slim`,
      `${host}/library/debian:bookworm-slim`,
    );
    const root = bed.newDirectory("store-lazy");
    const context = newContext(bed, { Dockerfile: DOCKERFILE, tool: { mode: 0o755, content: "#!/bin/sh\n" } });
    await bed.target.clearAccesses();
    const env = { MANYARCH_ROOT: root, MANYARCH_REGISTRY_MIRRORS: `docker.io=${host}` };
    const { stderr } = await build(bed, ["--push", "-t", `${host}/lazy:1`, context], { env });
    const { layers, config } = await manifestOf(bed.target, "lazy:1");
    expect(layers).toHaveLength(2);
    const accesses = await bed.target.accesses();
    const got = accesses.filter((one) => one.method === "GET" && one.path.includes("/blobs/") && one.bytes > 10_000);
    expect(got).toEqual([]);
    expect(countAccesses(accesses)).toMatchObject({ mounts: 1, blobPuts: 2 });
    expect(readdirSync(join(root, "snapshots"))).toEqual([]);
    expect(stderr).toContain("mounted from another repository");
    expect(config.digest).toMatch(/^sha256:/);
    await crane("validate", "--remote", `${host}/lazy:1`);
  });

  test("a COPY below /bin of a merged /usr lands where the symlink leads", async () => {
    const root = bed.newDirectory("store-merged");
    const dockerfile = "FROM debian:bookworm-slim\nCOPY tool /bin/tool\nCOPY tool /lib/deep/er/tool\n";
    const context = newContext(bed, { Dockerfile: dockerfile, tool: { mode: 0o755, content: "#!/bin/sh\n" } });
    await build(bed, ["--push", "-t", `${bed.target.host}/merged:1`, context], { env: { MANYARCH_ROOT: root } });
    using image = await Rootfs.of(bed.target, "merged:1", MACHINE);
    expect(image.look("bin")).toBe("lrwxrwxrwx 0/0 -> usr/bin");
    expect(image.look("usr/bin/tool")).toBe("-rwxr-xr-x 0/0");
    expect(image.look("usr/lib/deep/er/tool")).toBe("-rwxr-xr-x 0/0");
    // Read, not extracted: its headers are enough.
    expect(readdirSync(join(root, "snapshots"))).toEqual([]);
  });
});

describe("one store", () => {
  const busy = (word: string): string =>
    `FROM busybox\nRUN for i in 1 2 3 4 5; do echo ${word} $i >> /${word}; done\nCOPY Dockerfile /d\n`;

  test("two builds at the same time, of one Dockerfile and of different ones", async () => {
    const env = { MANYARCH_ROOT: bed.newDirectory("store-shared"), SOURCE_DATE_EPOCH: "1700000000" };
    const same = newContext(bed, { Dockerfile: busy("same") });
    const other = newContext(bed, { Dockerfile: busy("other") });
    const at = (name: string, context: string) =>
      build(bed, ["--push", "-t", `${bed.target.host}/${name}`, context], { env });
    const [one, two, three] = await Promise.all([at("at-once:1", same), at("at-once:2", same), at("at-once:3", other)]);
    expect(one.digest).toBe(two.digest);
    expect(three.digest).not.toBe(one.digest);
    using root = await Rootfs.of(bed.target, "at-once:2");
    expect(root.read("same")).toBe("same 1\nsame 2\nsame 3\nsame 4\nsame 5\n");
    using otherRoot = await Rootfs.of(bed.target, "at-once:3");
    expect(otherRoot.look("other")).toBeDefined();
    expect((await at("at-once:4", other)).closing.ran).toBe(0);
  });

  describe("damaged", () => {
    const DOCKERFILE = "FROM busybox\nRUN echo kept > /kept\nCOPY Dockerfile /d\n";
    const blobs = (store: string): readonly string[] =>
      readdirSync(join(store, "blobs/sha256")).map((name) => join(store, "blobs/sha256", name));

    test.each<[string, (store: string, layer: string) => void]>([
      ["a blob with a byte changed", (_, layer) => flipByte(layer)],
      ["a blob that is gone", (_, layer) => runTool("rm", [layer])],
      ["every blob gone", (store) => blobs(store).forEach((path) => runTool("rm", [path]))],
      ["every blob cut short", (store) => blobs(store).forEach((path) => writeFileSync(path, "x"))],
      ["snapshots gone", (store) => emptySnapshots(store)],
      [
        "blobs and snapshots gone",
        (store) => (emptySnapshots(store), blobs(store).forEach((path) => runTool("rm", [path]))),
      ],
      ["records that are none", (store) => writeFileSync(join(store, "records.db"), "this is no database".repeat(500))],
      ["records gone", (store) => runTool("sh", ["-c", 'rm "$1"/records.db*', "sh", store])],
    ])("%s: the next build is right, also for a registry that has nothing", async (what, damage) => {
      const id = what.replaceAll(" ", "-");
      const env = { MANYARCH_ROOT: bed.newDirectory(`store-${id}`), SOURCE_DATE_EPOCH: "1700000000" };
      const context = newContext(bed, { Dockerfile: DOCKERFILE });
      const first = await build(bed, ["--push", "-t", `${bed.target.host}/${id}/before:1`, context], { env });
      const { layers } = await manifestOf(bed.target, `${id}/before:1`);
      const digest = layers[1]?.digest ?? "";
      damage(env.MANYARCH_ROOT, join(env.MANYARCH_ROOT, "blobs", digest.replace(":", "/")));
      const next = await build(
        bed,
        ["-o", `type=oci,dest=${bed.directory}/${id}.tar`, "--push", "-t", `${bed.target.host}/${id}/after:1`, context],
        { env },
      );
      expect(next.digest).toBe(first.digest);
      await crane("validate", "--remote", `${bed.target.host}/${id}/after:1`);
      if (/byte|short|none/.test(what)) expect(next.stderr).toMatch(/warning\[(BLOB|RECORDS)_CORRUPT\]/);
      const last = await build(bed, ["--push", "-t", `${bed.target.host}/${id}/after:2`, context], { env });
      expect(last.closing.ran).toBe(0);
      expect(last.stderr).not.toContain("warning[");
      expect((await documentOf(bed.target, `${id}/after:2`)).mediaType).toContain("manifest");
    });
  });
});

function flipByte(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.length >> 1;
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  runTool("chmod", ["u+w", path]);
  writeFileSync(path, bytes);
}

/** They belong to ids that only root, or the user inside a namespace of his own, may touch. */
function emptySnapshots(store: string): void {
  runTool("sh", [
    "-c",
    'rm -rf "$1"/snapshots/* || unshare -U --map-root-user --map-auto rm -rf "$1"/snapshots/*',
    "sh",
    store,
  ]);
}
