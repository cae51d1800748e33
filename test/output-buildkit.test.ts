import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../src/oci/digest.ts";
import { startBed, type Bed } from "./bed/bed.ts";
import { Buildkitd } from "./bed/buildkitd.ts";
import { runTool, runToolAsync } from "./bed/process.ts";
import { build } from "./support/build-log.ts";
import { newContext } from "./support/context.ts";
import { crane } from "./support/image.ts";

/** What BuildKit v0.30.0 writes of the same Dockerfiles. Minutes of building the daemon the first time. */
const enabled = Boolean(process.env["MANYARCH_TEST_ALL"]);

const EPOCH = "1700000000";

/** Config, history and annotations; every line is a file of its own. */
const CASES: Readonly<Record<string, string>> = {
  "metadata before, between and after layers": `FROM debian:bookworm-slim AS b
ENV A=1
ARG X=2
LABEL z=y
RUN echo hi > /hi
USER 1
FROM b
WORKDIR /w
COPY Dockerfile /d
CMD ["x"]
EXPOSE 80`,
  "metadata alone on a base": "FROM busybox\nENV A=1\nLABEL b=c",
  "a base as it is": "FROM busybox",
  "metadata alone on nothing": "FROM scratch\nENV A=1",
  "a layer on nothing": "FROM scratch\nENV A=1\nCOPY Dockerfile /d\nENV B=2",
  "an entry point that clears a command":
    'FROM busybox AS b\nCMD ["a"]\nFROM b\nENTRYPOINT ["b"]\nHEALTHCHECK CMD true\nSTOPSIGNAL 9',
  "triggers, volumes, shells":
    'FROM busybox AS b\nONBUILD ENV T=1\nVOLUME /v\nSHELL ["/bin/sh","-ec"]\nRUN true\nFROM b\nMAINTAINER me',
  "a base that tells of no layer": "FROM HOST/no-history:1\nENV A=1\nRUN echo a > /a\nLABEL x=y\nENV B=2",
  "a base that tells of too many": "FROM HOST/long-history:1\nENV A=1\nRUN echo a > /a\nENV B=2",
};

describe.skipIf(!enabled)("BuildKit's output of the same files", () => {
  let bed: Bed;
  let daemon: Buildkitd;
  let out: string;
  beforeAll(async () => {
    bed = await startBed({ user: "current" });
    daemon = await Buildkitd.start(bed.mirror.host, [bed.target.host]);
    out = bed.newDirectory("out");
    await pushBase("no-history", (config) => ({ ...config, history: [] }));
    await pushBase("long-history", (config) => ({
      ...config,
      history: [
        ...(config["history"] as object[]),
        { created: "2020-01-01T00:00:00Z", created_by: "extra" },
        { created_by: "meta", empty_layer: true },
      ],
    }));
    await pushBase("odd-fields", (config) => ({
      ...config,
      moby: { a: 1 },
      config: { ...(config["config"] as object), Custom: [1], Hostname: "h" },
    }));
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await bed[Symbol.asyncDispose]();
  });

  describe.each([["without an epoch", undefined] as const, ["with an epoch", EPOCH] as const])("%s", (_, epoch) => {
    test.each(Object.entries(CASES))("%s", async (_name, dockerfile) => {
      const context = newContext(bed, { Dockerfile: `${dockerfile.replaceAll("HOST", bed.target.host)}\n` });
      const [ours, theirs] = await both(context, "oci", epoch);
      expect(imageOf(ours, epoch)).toEqual(imageOf(theirs, epoch));
    });
  });

  // Its documentation has them kept, its frontend drops them.
  test("unknown fields of a base stay, which BuildKit leaves out", async () => {
    const context = newContext(bed, { Dockerfile: `FROM ${bed.target.host}/odd-fields:1\nRUN true\n` });
    const [ours, theirs] = await both(context, "oci", EPOCH);
    const { config, ...image } = imageOf(theirs, EPOCH) as { readonly config: object };
    expect(imageOf(ours, EPOCH)).toEqual({
      ...image,
      moby: { a: 1 },
      config: { ...config, Custom: [1], Hostname: "h" },
    });
  });

  test("annotations of two platforms", async () => {
    const context = newContext(bed, { Dockerfile: "FROM busybox\nENV A=1\n" });
    const options = ["annotation.a=1", "annotation-index.b=2", "annotation-manifest-descriptor[linux/arm64].c=3"];
    const more = [...options, "annotation[linux/amd64].d=4", "annotation-index-descriptor.e=5"];
    const [ours, theirs] = await both(context, "oci", EPOCH, { options: more, platform: "linux/amd64,linux/arm64" });
    const shape = (path: string): object => {
      const layout = documentOf(path, "index.json");
      const index = documentOf(path, blob(layout.manifests[0].digest));
      const manifests = index.manifests.map(({ digest, annotations, platform }) => ({
        annotations,
        platform,
        own: documentOf(path, blob(digest)).annotations,
      }));
      return { layout: layout.manifests[0].annotations, index: index.annotations, manifests };
    };
    expect(shape(ours)).toEqual(shape(theirs));
  });

  test("the tar of the files", async () => {
    const dockerfile =
      "FROM busybox\nRUN echo x > /x && ln /x /hard && ln -s x /soft && chown 7:8 /x && chmod 4711 /x\n";
    const context = newContext(bed, { Dockerfile: dockerfile });
    const list = (path: string): string[] =>
      runTool("tar", ["--numeric-owner", "--full-time", "-tvf", path]).trimEnd().split("\n").toSorted();
    // The runtime makes these to mount over them; here they go again.
    const isMountPoint = (line: string): boolean => /^d.* (?:dev|proc|sys)\/$/.test(line);
    const [ours, theirs] = await both(context, "tar", EPOCH);
    expect(list(ours)).toEqual(list(theirs).filter((line) => !isMountPoint(line)));
  });

  async function both(
    context: string,
    type: string,
    epoch: string | undefined,
    { options = [], platform = "" }: { readonly options?: readonly string[]; readonly platform?: string } = {},
  ): Promise<readonly [ours: string, theirs: string]> {
    const name = `${Math.random()}`;
    const [ours, theirs] = [join(out, `${name}.ours`), join(out, `${name}.theirs`)];
    const output = (dest: string): string => [`type=${type}`, `dest=${dest}`, ...options].join(",");
    const env = epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch };
    const platforms = platform === "" ? [] : [`--platform=${platform}`];
    await build(bed, ["-o", output(ours), ...platforms, context], { env });
    const [program = "", ...flags] = daemon.client;
    const opts = [
      ...(epoch === undefined ? [] : [`--opt=build-arg:SOURCE_DATE_EPOCH=${epoch}`]),
      ...(platform === "" ? [] : [`--opt=platform=${platform}`]),
    ];
    const local = [`--local=context=${context}`, `--local=dockerfile=${context}`];
    const solve = ["build", "--frontend=dockerfile.v0", ...local, ...opts, `--output=${output(theirs)}`];
    await runToolAsync(program, [...flags, ...solve], { env: daemon.env });
    return [ours, theirs];
  }

  /** busybox with another config, under a name of the target registry. */
  async function pushBase(
    name: string,
    change: (config: Record<string, unknown>) => Record<string, unknown>,
  ): Promise<void> {
    const layout = join(out, name);
    mkdirSync(layout);
    const source = `${bed.mirror.host}/library/busybox:latest`;
    await crane("pull", "--insecure", "--format=oci", "--platform=linux/amd64", source, layout);
    const write = (document: object): { readonly digest: string; readonly size: number } => {
      const bytes = Buffer.from(JSON.stringify(document));
      writeFileSync(join(layout, blob(digestOf(bytes))), bytes);
      return { digest: digestOf(bytes), size: bytes.length };
    };
    const read = (path: string): Document => JSON.parse(readFileSync(join(layout, path), "utf8")) as Document;
    const index = read("index.json");
    const manifest = read(blob(index.manifests[0].digest));
    const config = write(change(read(blob(manifest.config.digest)) as unknown as Record<string, unknown>));
    const changed = write({ ...manifest, config: { ...manifest.config, ...config } });
    writeFileSync(
      join(layout, "index.json"),
      JSON.stringify({ ...index, manifests: [{ ...index.manifests[0], ...changed }] }),
    );
    await crane("push", "--insecure", layout, `${bed.target.host}/${name}:1`);
  }
});

interface Document {
  readonly mediaType: string;
  readonly annotations?: object;
  readonly config: { readonly digest: string };
  readonly manifests: readonly [Entry, ...Entry[]];
  readonly history?: readonly { created?: string | null; created_by?: string }[];
  readonly created?: string | null;
}

interface Entry {
  readonly digest: string;
  readonly annotations?: object;
  readonly platform?: object;
}

function blob(digest: string): string {
  return digest.replace(/^(\w+):/, "blobs/$1/");
}

function documentOf(archive: string, path: string): Document {
  return JSON.parse(runTool("tar", ["-xOf", archive, path])) as Document;
}

/** A config without what differs by nature: digests of layers, the time of this very build. */
function imageOf(archive: string, epoch: string | undefined): object {
  const manifest = documentOf(archive, blob(documentOf(archive, "index.json").manifests[0].digest));
  const { created, history = [], ...config } = documentOf(archive, blob(manifest.config.digest));
  const isNew = (time: string): boolean => epoch === undefined && Date.now() - Date.parse(time) < 3_600_000;
  const show = (time: string | null | undefined): string | undefined =>
    time === null || time === undefined ? undefined : isNew(time) ? "new" : new Date(time).toISOString();
  return {
    ...config,
    rootfs: undefined,
    created: show(created),
    history: history.map((entry) => ({ ...entry, created: show(entry.created) })),
  };
}
