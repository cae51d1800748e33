import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { build, failure, MACHINE } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";
import { crane, documentOf, listTar, manifestOf, type Index } from "./support/image.ts";

const TWO = "--platform=linux/amd64,linux/arm64";
const EPOCH = "1700000000";
const DOCKERFILE = `FROM busybox AS files
RUN mkdir /made && echo x > /made/x && ln /made/x /made/hard && ln -s x /made/soft && chown 7:8 /made/x
FROM scratch
ARG TARGETARCH
COPY --from=files /made /made
COPY Dockerfile /\${TARGETARCH}.txt
CMD ["/x"]
`;

let bed: Bed;
let context: string;
let out: string;
beforeAll(async () => {
  bed = await startBed();
  context = newContext(bed, { Dockerfile: DOCKERFILE });
  out = bed.newDirectory("out");
});
afterAll(() => bed[Symbol.asyncDispose]());

const tag = (name: string): string => `${bed.target.host}/${name}`;
const json = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const ONE = MACHINE.slice("linux/".length);

describe("type=tar", () => {
  test("of one platform: its files with owners, links and times, to a file and to standard output", async () => {
    const path = join(out, "one.tar");
    const { stdout } = await build(bed, ["-o", `type=tar,dest=${path}`, context]);
    expect(stdout).toBe(`${path}\n`);
    const list = runTool("tar", ["--numeric-owner", "-tvf", path]);
    expect(list).toMatch(/^-rw-r--r-- 7\/8 .* made\/hard$/m);
    expect(list).toMatch(/^hrw-r--r-- 7\/8 .* made\/x link to made\/hard$/m);
    expect(list).toMatch(/^lrwxrwxrwx .* made\/soft -> x$/m);
    const piped = spawnSync("sh", ["-c", 'cat > "$0"', join(out, "piped.tar")], {
      input: Buffer.from((await bed.cli(["build", "-q", "-o", "-", context])).stdout, "utf8"),
    });
    expect(piped.status).toBe(0);
    expect(existsSync(join(bed.directory, "-"))).toBe(false);
  });

  test("of several platforms: a directory each, or one for all where no file is in two", async () => {
    const split = join(out, "split.tar");
    await build(bed, ["-o", `type=tar,dest=${split}`, TWO, context]);
    const names = Object.keys(listTar(split));
    expect(names).toEqual(expect.arrayContaining(["linux_amd64/amd64.txt", "linux_arm64/arm64.txt"]));
    const clash = await failure(bed, ["-o", `type=tar,dest=${out}/x.tar,platform-split=false`, TWO, context]);
    expect([clash.exitCode, clash.code]).toEqual([10, "EXPORT_CONFLICT"]);
    expect(existsSync(join(out, "x.tar"))).toBe(false);
    const apart = newContext(bed, { Dockerfile: "FROM scratch\nARG TARGETARCH\nCOPY Dockerfile /d/${TARGETARCH}\n" });
    await build(bed, ["-o", `type=local,dest=${out}/joined,platform-split=false`, TWO, apart]);
    expect(readdirSync(join(out, "joined/d")).toSorted()).toEqual(["amd64", "arm64"]);
    await build(bed, ["-o", `type=local,dest=${out}/alone,platform-split=true`, apart]);
    expect(readdirSync(join(out, "alone"))).toEqual([`linux_${ONE}`]);
  });

  test("with SOURCE_DATE_EPOCH everything has that time, in directories too", async () => {
    const env = { SOURCE_DATE_EPOCH: EPOCH };
    const flags = ["-o", `type=tar,dest=${out}/epoch.tar`, "-o", `type=local,dest=${out}/epoch`, context];
    await build(bed, flags, { env });
    const list = runTool("tar", ["--full-time", "--utc", "-tvf", join(out, "epoch.tar")]);
    for (const line of list.trimEnd().split("\n")) expect(line).toContain("2023-11-14 22:13:20");
    expect(statSync(join(out, "epoch/made/x")).mtimeMs).toBe(Number(EPOCH) * 1000);
  });

  test("a reader that leaves is told of, and nothing hangs", async () => {
    const big = newContext(bed, { Dockerfile: "FROM busybox\nRUN head -c 20000000 /dev/zero > /big\n" });
    const command = `MANYARCH_ROOT=${bed.store} bin/manyarch build -q -o - "$0" | head -c 10 > /dev/null; echo \${PIPESTATUS[0]}`;
    const done = spawnSync("bash", ["-c", command, big], {
      env: { ...bed.env, MANYARCH_ROOT: join(bed.directory, "store-of-reader") },
      encoding: "utf8",
      timeout: 60_000,
    });
    expect([done.stdout, done.stderr.includes("OUTPUT_CLOSED")]).toEqual(["10\n", true]);
  });
});

describe("type=docker", () => {
  test("an archive with all names, which skopeo and crane read, in docker's media types", async () => {
    const path = join(out, "app.tar");
    await build(bed, ["-o", `type=docker,dest=${path}`, "-t", "app:1", "-t", "demo/app:2", context]);
    for (const name of ["docker.io/library/app:1", "docker.io/demo/app:2"])
      runTool("skopeo", ["copy", "--quiet", `docker-archive:${path}:${name}`, `dir:${out}/from-archive`]);
    await crane("push", path, tag("from-archive:1"));
    const files = listTar(path);
    expect(Object.keys(files)).toEqual(expect.arrayContaining(["manifest.json", "index.json", "oci-layout"]));
    const [entry] = JSON.parse(runTool("tar", ["-xOf", path, "manifest.json"])) as [Record<string, unknown>];
    expect(entry["RepoTags"]).toEqual(["app:1", "demo/app:2"]);
    const index = JSON.parse(runTool("tar", ["-xOf", path, "index.json"])) as Index;
    expect(index.manifests[0]).toMatchObject({ mediaType: "application/vnd.docker.distribution.manifest.v2+json" });
  });
});

describe("--load", () => {
  /** A docker that knows `info` and `load`, and writes down what it is given. */
  function fakeEngines(scripts: Readonly<Record<string, string>>): { readonly env: Record<string, string> } {
    const directory = bed.newDirectory(`engines-${Math.random()}`);
    for (const [name, script] of Object.entries(scripts)) {
      writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(directory, name), 0o755);
    }
    return { env: { PATH: `${directory}:${bed.env["PATH"]}` } };
  }
  const absent = { podman: "exit 125", nerdctl: "exit 1" };

  test("into the engine that answers: a docker archive of one platform", async () => {
    const got = join(out, "loaded.tar");
    const script = `case "$1" in info) echo 'null 20.10';; load) cat > ${got};; esac`;
    const { stdout } = await build(bed, ["--load", "-t", "app:1", context], fakeEngines({ ...absent, docker: script }));
    expect(stdout).toBe("app:1 in docker\n");
    runTool("skopeo", ["inspect", `docker-archive:${got}:docker.io/library/app:1`]);
  });

  test("all platforms where the image store takes an index", async () => {
    const got = join(out, "index.tar");
    const script = `case "$1" in info) echo '[["driver-type","io.containerd.snapshotter.v1"]] 28';; load) cat > ${got};; esac`;
    const engines = fakeEngines({ ...absent, docker: script });
    await build(bed, ["--load", "-t", "app:1", TWO, context], engines);
    mkdirSync(join(out, "index-of-load"));
    runTool("tar", ["-xf", got, "-C", join(out, "index-of-load")]);
    const layout = json<Index>(join(out, "index-of-load/index.json"));
    expect(layout.manifests[0]).toMatchObject({ mediaType: "application/vnd.oci.image.index.v1+json" });
  });

  test.each([
    ["none answers", { ...absent, docker: "echo 'Cannot connect' >&2; exit 1" }, [], "OUTPUT_LOAD_ENGINE"],
    ["it takes no index", { ...absent, docker: "echo 'null 20.10'" }, [TWO], "OUTPUT_LOAD_INDEX"],
    [
      "it refuses the image",
      { ...absent, docker: 'case "$1" in info) echo x;; load) cat > /dev/null; echo no space >&2; exit 1;; esac' },
      [],
      "OUTPUT_LOAD_FAILED",
    ],
    [
      "it ends before it has read all",
      { ...absent, docker: 'case "$1" in info) echo x;; load) echo gone >&2; exit 3;; esac' },
      [],
      "OUTPUT_LOAD_FAILED",
    ],
  ])("fails clearly where %s", async (_, scripts, flags, code) => {
    const failed = await failure(bed, ["--load", ...flags, context], fakeEngines(scripts));
    expect([failed.exitCode, failed.code]).toEqual([10, code]);
    expect(failed.error).toContain("help: ");
  });
});

describe("an image in several forms, in one run", () => {
  test("compression, media types and times as each output asks; layers are the same files", async () => {
    const env = { SOURCE_DATE_EPOCH: EPOCH };
    const outputs = [
      `type=oci,dest=${out}/gzip.tar`,
      `type=oci,dest=${out}/zstd.tar,compression=zstd,compression-level=19`,
      `type=oci,dest=${out}/plain.tar,compression=uncompressed,oci-mediatypes=false`,
      `type=oci,dest=${out}/times.tar,rewrite-timestamp=false`,
    ].flatMap((text) => ["-o", text]);
    await build(bed, [...outputs, context], { env });
    const manifest = (name: string): { layers: { mediaType: string }[]; config: { digest: string } } => {
      const read = (path: string): string => runTool("tar", ["-xOf", join(out, `${name}.tar`), path]);
      const [root] = (JSON.parse(read("index.json")) as Index).manifests;
      return JSON.parse(read(`blobs/sha256/${root!.digest.slice("sha256:".length)}`)) as ReturnType<typeof manifest>;
    };
    expect(manifest("gzip").layers[0]?.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+gzip");
    expect(manifest("zstd").layers[0]?.mediaType).toBe("application/vnd.oci.image.layer.v1.tar+zstd");
    expect(manifest("plain").layers[0]?.mediaType).toBe("application/vnd.docker.image.rootfs.diff.tar");
    // One config: the layers unpack to the same tar.
    expect(manifest("zstd").config.digest).toBe(manifest("gzip").config.digest);
    expect(manifest("plain").config.digest).toBe(manifest("gzip").config.digest);
    expect(manifest("times").config.digest).not.toBe(manifest("gzip").config.digest);
    runTool("skopeo", ["inspect", `oci-archive:${out}/zstd.tar`]);
  });

  test("force-compression: layers of a base too, with the same tar inside, and known the second time", async () => {
    const based = newContext(bed, { Dockerfile: "FROM busybox\nCOPY Dockerfile /x\n" });
    const layersOf = async (name: string, ...flags: readonly string[]): Promise<readonly string[]> => {
      const options = flags.map((flag) => `,${flag}`).join("");
      await build(bed, ["-o", `type=registry,name=${tag(name)}${options}`, based]);
      return (await manifestOf(bed.target, name, MACHINE)).layers.map(
        ({ mediaType }) => mediaType.split("+")[1] ?? "tar",
      );
    };
    expect(await layersOf("kept:1", "compression=zstd")).toEqual(["gzip", "zstd"]);
    expect(await layersOf("forced:1", "compression=zstd", "force-compression=true")).toEqual(["zstd", "zstd"]);
    expect(await layersOf("forced:2", "compression=zstd", "force-compression=true")).toEqual(["zstd", "zstd"]);
    const config = async (name: string): Promise<string> => (await manifestOf(bed.target, name, MACHINE)).config.digest;
    expect(await config("forced:1")).toBe(await config("kept:1"));
    expect(await crane("digest", tag("forced:2"))).toBe(await crane("digest", tag("forced:1")));
    runTool("skopeo", [
      "copy",
      "--quiet",
      "--src-tls-verify=false",
      `docker://${tag("forced:1")}`,
      `dir:${out}/forced`,
    ]);
  });

  test("push-by-digest moves no tag, name=… names what -t does not", async () => {
    const by = await build(bed, ["-o", `type=image,push=true,push-by-digest=true,name=${tag("bydigest")}`, context]);
    expect(by.stdout).toBe(`${tag("bydigest")}@${by.digest}\n`);
    await expect(crane("ls", tag("bydigest"))).rejects.toThrow("NAME_UNKNOWN");
    await crane("validate", "--remote", `${tag("bydigest")}@${by.digest}`);
    const names = await build(bed, ["-o", `type=image,push=true,"name=${tag("n:1")},${tag("n:2")}"`, context]);
    expect((await crane("ls", tag("n"))).trim().split("\n").toSorted()).toEqual(["1", "2"]);
    expect(names.stdout.trimEnd().split("\n")).toHaveLength(2);
  });
});

describe("annotations", () => {
  test("of manifests, of one platform, of the index and of descriptors", async () => {
    const annotations = [
      "all=1",
      "manifest[linux/arm64]:arm=2",
      "index:top=3",
      "manifest-descriptor[linux/amd64]:desc=4",
      "index,manifest:both=5",
    ].flatMap((text) => ["--annotation", text]);
    await build(bed, ["--push", "-t", tag("notes:1"), TWO, ...annotations, context]);
    const index = (await documentOf(bed.target, "notes:1")) as Index & { annotations: object };
    expect(index.annotations).toEqual({ top: "3", both: "5" });
    expect(index.manifests.map((one) => (one as { annotations?: object }).annotations)).toEqual([
      { desc: "4" },
      undefined,
    ]);
    expect(await manifestOf(bed.target, "notes:1", "linux/arm64")).toMatchObject({
      annotations: { all: "1", arm: "2", both: "5" },
    });
    expect(await manifestOf(bed.target, "notes:1", "linux/amd64")).toMatchObject({
      annotations: { all: "1", both: "5" },
    });
  });

  test("an index-descriptor's is in the layout, with the time of the build", async () => {
    const path = join(out, "noted");
    const flags = [TWO, "--annotation", "index-descriptor:d=1", "-o", `type=oci,dest=${path},tar=false`];
    await build(bed, [...flags, context], { env: { SOURCE_DATE_EPOCH: EPOCH } });
    expect(json<Index>(join(path, "index.json")).manifests[0]).toMatchObject({
      annotations: { d: "1", "org.opencontainers.image.created": "2023-11-14T22:13:20Z" },
    });
  });

  test.each([
    [["--annotation", "index:a=b"], "has no index"],
    [["--annotation", "manifest[linux/s390x]:a=b"], "not among the platforms"],
    [["--annotation", "nowhere:a=b"], "no place"],
    [["--annotation", "a"], "expected key=value"],
    [["--format=docker", "--annotation", "manifest-descriptor:a=b"], "media types"],
    [["--format=docker", "--compression=zstd"], "none for zstd"],
  ])("%j is refused before any work", async (flags, message) => {
    const failed = await failure(bed, [...flags, "-o", `type=oci,dest=${out}/never.tar`, context]);
    expect([failed.exitCode, failed.log]).toEqual([2, ""]);
    expect(failed.error).toContain(message);
  });
});

describe("files that tell of the result", () => {
  test("are not there after a push that failed", async () => {
    const metadata = join(out, "never.json");
    const failed = await failure(bed, ["--push", "-t", "localhost:1/x:1", "--metadata-file", metadata, context]);
    expect(failed.exitCode).toBe(6);
    expect(readdirSync(out).filter((name) => name.includes("never"))).toEqual([]);
  });

  test.each(["--metadata-file", "--iidfile"])(
    "that cannot be written (%s) fail the build before any work",
    async (flag) => {
      writeFileSync(join(out, "in-the-way"), "");
      for (const path of [out, join(out, "in-the-way", "x"), join(out, "nowhere", "x")]) {
        const failed = await failure(bed, ["--push", "-t", tag("unwritten:1"), flag, path, context]);
        expect([failed.exitCode, failed.code]).toEqual([10, "OUTPUT_UNWRITABLE"]);
        expect(failed.log).toMatch(/^\s*failed after \S+\s*$/);
      }
      await expect(documentOf(bed.target, "unwritten:1")).rejects.toThrow("404");
    },
  );

  test("without an output a note says where the result is; cacheonly means it", async () => {
    expect((await build(bed, [context])).stderr).toContain("OUTPUT_NONE");
    expect((await build(bed, ["-o", "type=cacheonly", context])).stderr).not.toContain("OUTPUT_NONE");
  });

  test("a layout whose index.json cannot be read or parsed is left alone", async () => {
    const directory = join(out, "broken");
    mkdirSync(directory, { mode: 0o755 });
    chmodSync(directory, 0o777);
    writeFileSync(join(directory, "index.json"), "{");
    const parsed = await failure(bed, ["-o", `type=oci,dest=${directory},tar=false`, context]);
    expect([parsed.exitCode, parsed.code]).toEqual([10, "OUTPUT_LAYOUT"]);
    chmodSync(join(directory, "index.json"), 0);
    const read = await failure(bed, ["-o", `type=oci,dest=${directory},tar=false`, context]);
    expect([read.exitCode, read.code]).toEqual([10, "OUTPUT_UNREADABLE"]);
  });
});
