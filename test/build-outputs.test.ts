import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBed, type Bed } from "./bed/bed.ts";
import { runTool } from "./bed/process.ts";
import { build, MACHINE } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";
import { crane, documentOf, listTar, platformName, type Index, type Manifest } from "./support/image.ts";

const TWO = "--platform=linux/amd64,linux/arm64";
const DOCKERFILE = `FROM scratch
ARG TARGETARCH
COPY hello.txt /greetings/
COPY hello.txt /\${TARGETARCH}.txt
ENV A=1
`;

let bed: Bed;
let context: string;
let out: string;
beforeAll(async () => {
  bed = await startBed();
  context = newContext(bed, { Dockerfile: DOCKERFILE, "hello.txt": "hello\n" });
  out = bed.newDirectory("out");
});
afterAll(() => bed[Symbol.asyncDispose]());

const json = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const tag = (name: string): string => `${bed.target.host}/${name}`;

describe("an OCI layout", () => {
  test("as an archive: skopeo, crane and umoci read it", async () => {
    const archive = join(out, "image.tar");
    const { stdout, digest } = await build(bed, ["-o", `type=oci,dest=${archive}`, "-t", tag("app:1"), context]);
    expect(stdout).toBe(`${archive}\n`);
    expect(runTool("skopeo", ["inspect", "--format={{.Digest}}", `oci-archive:${archive}`]).trim()).toBe(digest);
    const directory = join(out, "image-from-tar");
    mkdirSync(directory);
    runTool("tar", ["-xf", archive, "-C", directory]);
    await crane("validate", "--tarball", docker(archive));
    expect(unpacked(directory)).toEqual(["greetings/hello.txt", `${MACHINE.slice("linux/".length)}.txt`].toSorted());
  });

  test("as a directory, for two platforms: an index of both", async () => {
    const directory = join(out, "layout");
    const flags = ["-o", `type=oci,dest=${directory},tar=false`, TWO, "-t", tag("app:1"), "-t", tag("app:2")];
    const { digest } = await build(bed, [...flags, context]);
    const layout = json<{ manifests: { digest: string; annotations: Record<string, string> }[] }>(
      `${directory}/index.json`,
    );
    expect(layout.manifests.map((one) => one.annotations["org.opencontainers.image.ref.name"])).toEqual(["1", "2"]);
    expect(new Set(layout.manifests.map((one) => one.digest))).toEqual(new Set([digest]));
    for (const arch of ["amd64", "arm64"]) {
      const override = ["--override-os=linux", `--override-arch=${arch}`];
      const config = runTool("skopeo", [...override, "inspect", "--config", `oci:${directory}:1`]);
      expect(JSON.parse(config)).toMatchObject({ architecture: arch });
    }
    await crane("push", "--index", directory, tag("from-layout:1"));
    expect((await documentOf(bed.target, "from-layout:1")).mediaType).toContain("index");
  });

  test("on standard output: nothing but the archive", async () => {
    const done = await bed.cli(["build", "-q", "-o", "type=oci,dest=-", context]);
    expect(done.exitCode).toBe(0);
    expect(done.stdout.slice(257, 262)).toBe("ustar");
  });
});

describe("the files themselves", () => {
  test("of one platform in the directory, of several in one each; nothing is left of a base's whiteouts", async () => {
    const dockerfile = `FROM busybox AS base
RUN rm /etc/shadow && mkdir -m 750 /made && echo x > /made/x && ln -s x /made/link && ln /made/x /made/hard
FROM base
`;
    const stage = newContext(bed, { Dockerfile: dockerfile });
    const one = join(out, "one");
    const { stdout } = await build(bed, ["-o", one, stage]);
    expect(stdout).toBe(`${one}\n`);
    expect(existsSync(join(one, "etc/passwd"))).toBe(true);
    expect(existsSync(join(one, "etc/shadow"))).toBe(false);
    expect(readFileSync(join(one, "made/link"), "utf8")).toBe("x\n");
    expect(statSync(join(one, "made")).mode & 0o777).toBe(0o750);
    // They belong to whoever asked for them, so that he can work with them.
    expect(statSync(join(one, "made/x")).uid).toBe(bed.user.uid);

    const several = join(out, "several");
    await build(bed, ["-o", `type=local,dest=${several}`, TWO, context]);
    expect(readdirSync(several).toSorted()).toEqual(["linux_amd64", "linux_arm64"]);
    expect(readdirSync(join(several, "linux_arm64")).toSorted()).toEqual(["arm64.txt", "greetings"]);
  });
});

describe("a push", () => {
  test("of one platform is a plain manifest, of several an index", async () => {
    await build(bed, ["--push", "-t", tag("one:1"), context]);
    expect((await documentOf(bed.target, "one:1")).mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    await build(bed, ["--push", "-t", tag("two:1"), TWO, context]);
    const index = (await documentOf(bed.target, "two:1")) as Index;
    expect(index.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    expect(index.manifests.map((one) => platformName(one.platform))).toEqual(["linux/amd64", "linux/arm64"]);
  });

  test("--format=docker names Docker's media types", async () => {
    await build(bed, ["--push", "-t", tag("docker:1"), "--format=docker", context]);
    const manifest = JSON.parse(await crane("manifest", tag("docker:1"))) as Manifest;
    expect(manifest.mediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    expect(manifest.layers[0]?.mediaType).toBe("application/vnd.docker.image.rootfs.diff.tar.gzip");
  });

  // crane validates gzip alone.
  test.each(["zstd", "none"])("--compression=%s: skopeo reads it", async (compression) => {
    const name = tag(`${compression}:1`);
    await build(bed, ["--push", "-t", name, `--compression=${compression}`, context]);
    const copy = ["copy", "--quiet", "--src-tls-verify=false", "--dest-decompress"];
    runTool("skopeo", [...copy, `docker://${name}`, `dir:${out}/${compression}`]);
    const manifest = (await documentOf(bed.target, `${compression}:1`)) as Manifest;
    expect(manifest.layers[0]?.mediaType).toMatch(compression === "zstd" ? /tar\+zstd$/ : /tar$/);
  });

  test("of tags in two repositories, together with other outputs, in one run", async () => {
    const archive = join(out, "also.tar");
    const names = [tag("team/a:1"), tag("team/a:latest"), tag("team/b:1")];
    const tags = names.flatMap((name) => ["-t", name]);
    const outputs = ["-o", `type=oci,dest=${archive}`, "-o", `type=local,dest=${out}/also`, "--push"];
    const metadata = join(out, "meta.json");
    const iid = join(out, "iid");
    const written = ["--metadata-file", metadata, "--iidfile", iid];
    const { stdout, digest } = await build(bed, [...tags, ...outputs, ...written, TWO, context]);
    for (const name of ["team/a:1", "team/a:latest", "team/b:1"])
      expect(await crane("digest", tag(name)), name).toBe(`${digest}\n`);
    expect(stdout.trimEnd().split("\n")).toEqual(
      expect.arrayContaining([archive, ...names.map((name) => `${name}@${digest}`)]),
    );
    expect(existsSync(join(out, "also/linux_arm64/arm64.txt"))).toBe(true);
    expect(Object.keys(listTar(archive))).toContain(`blobs/sha256/${digest.slice("sha256:".length)}`);
    // The keys that docker buildx writes.
    expect(json(metadata)).toMatchObject({
      "containerimage.digest": digest,
      "containerimage.descriptor": { digest, mediaType: "application/vnd.oci.image.index.v1+json" },
      "image.name": names.join(","),
    });
    expect(readFileSync(iid, "utf8")).toBe(digest);
  });

  test("--iidfile of one platform is the config's digest, as docker's", async () => {
    const iid = join(out, "iid-one");
    await build(bed, ["--push", "-t", tag("iid:1"), "--iidfile", iid, context]);
    const { config } = (await documentOf(bed.target, "iid:1")) as Manifest;
    expect(readFileSync(iid, "utf8")).toBe(config.digest);
  });
});

describe("what it says", () => {
  test("--quiet: the image's id and nothing else", async () => {
    const done = await bed.cli(["build", "--quiet", "--push", "-t", tag("quiet:1"), TWO, context]);
    expect(done.stdout).toBe(await crane("digest", tag("quiet:1")));
    expect(done.stderr).toBe("");
  });

  test("--progress=rawjson: each line an event", async () => {
    const stage = newContext(bed, { Dockerfile: "FROM busybox\nRUN echo said\n" });
    const done = await bed.cli(["build", "--progress=rawjson", stage]);
    const events = done.stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const kinds = events.map((event) => event["kind"]);
    expect(kinds[0]).toBe("build.started");
    expect(kinds.at(-1)).toBe("build.done");
    const output = events.filter((event) => event["kind"] === "step.output");
    expect(output.map((event) => Buffer.from(String(event["data"]), "base64").toString()).join("")).toBe("said\n");
  });

  test("without an output the image stays in the store, and that is said", async () => {
    const { stdout, stderr, digest } = await build(bed, [context]);
    expect(stdout).toBe("");
    expect(digest).toMatch(/^sha256:/);
    expect(stderr).not.toContain("push ");
  });
});

/** crane reads `docker save` archives only. */
function docker(archive: string): string {
  const target = `${archive}.docker`;
  runTool("skopeo", ["copy", "--quiet", `oci-archive:${archive}`, `docker-archive:${target}:app:1`]);
  return target;
}

function unpacked(layout: string): readonly string[] {
  const bundle = `${layout}-bundle`;
  runTool("umoci", ["unpack", "--rootless", "--image", `${layout}:1`, bundle]);
  const root = join(bundle, "rootfs");
  const files = readdirSync(root, { recursive: true }).map(String);
  return files.filter((path) => statSync(join(root, path)).isFile()).toSorted();
}
