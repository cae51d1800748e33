import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Entry } from "../src/layer/entry.ts";
import { bytesContent } from "../src/layer/file-content.ts";
import { readTar } from "../src/layer/tar/reader.ts";
import { tarBlocks } from "../src/layer/tar/writer.ts";
import { writeLayer, type WrittenLayer } from "../src/layer/write-layer.ts";
import { arbitraryEntry, toEntry, type PlainEntry } from "../src/layer/testing/arbitrary-entries.ts";
import { collect, collectEntries } from "../src/layer/testing/collect.ts";
import { buildGoTar, hasGo, type GoTar } from "./layer/gotar.ts";

const { signal } = new AbortController();
const isRoot = process.getuid?.() === 0;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "layer-interop-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function has(program: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(!hasGo())("Go's archive/tar", () => {
  let go: GoTar;
  beforeAll(() => {
    go = buildGoTar();
  });
  afterAll(() => {
    go.remove();
  });

  test("writes the same bytes", async () => {
    const samples = fc.sample(fc.array(arbitraryEntry(), { minLength: 1, maxLength: 6 }), { numRuns: 300, seed: 11 });
    for (const entries of samples) {
      const ours = await collect(tarBlocks(entries.map(toEntry)));
      const theirs = go.write(entries.map(goLine));
      expect(firstDifference(ours, theirs)).toBe(undefined);
    }
  });
});

/** The block where two tars part, as text. */
function firstDifference(ours: Buffer, theirs: Buffer): object | undefined {
  for (let at = 0; at < Math.max(ours.length, theirs.length); at += 512) {
    const [mine, others] = [ours, theirs].map((tar) => tar.toString("latin1", at, at + 512));
    if (mine !== others) return { at, ours: mine, theirs: others };
  }
  return undefined;
}

/** The entry as containerd would hand it to archive/tar. */
function goLine(entry: PlainEntry): object {
  const encode = (text: string): string => Buffer.from(text, "latin1").toString("base64");
  const types = {
    directory: "5",
    file: "0",
    symlink: "2",
    hardlink: "1",
    char: "3",
    block: "4",
    fifo: "6",
    whiteout: "0",
    opaque: "0",
  };
  const slash = entry.path.lastIndexOf("/") + 1;
  const names: Partial<Record<Entry["type"], string>> = {
    directory: entry.path === "" ? "./" : `${entry.path}/`,
    whiteout: `${entry.path.slice(0, slash)}.wh.${entry.path.slice(slash)}`,
    opaque: entry.path === "" ? ".wh..wh..opq" : `${entry.path}/.wh..wh..opq`,
  };
  const mtime = "mtime" in entry ? entry.mtime : 0n;
  const nanos = ((mtime % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const xattrs = "xattrs" in entry ? [...(entry.xattrs ?? [])] : [];
  return {
    name: encode(names[entry.type] ?? entry.path),
    linkname: encode("target" in entry ? entry.target : ""),
    type: types[entry.type].charCodeAt(0),
    seconds: Number((mtime - nanos) / 1_000_000_000n),
    nanos: Number(nanos),
    ...("mode" in entry ? { mode: entry.mode, uid: entry.uid, gid: entry.gid } : {}),
    ...("major" in entry ? { devmajor: entry.major, devminor: entry.minor } : {}),
    pax: Object.fromEntries(
      xattrs.map(([name, value]) => [encode(`SCHILY.xattr.${name}`), Buffer.from(value).toString("base64")]),
    ),
    content: "bytes" in entry ? Buffer.from(entry.bytes).toString("base64") : "",
  };
}

const LONG = `${"long-directory-name/".repeat(12)}${"f".repeat(120)}`;
const OWNED = { mode: 0o640, uid: 12, gid: 34, mtime: 1_600_000_000_000_000_000n };

/** A tree with everything that readers trip over and every system can hold. */
function tree(): Entry[] {
  const text = (path: string, content: string): Entry => {
    const bytes = Buffer.from(content);
    return { type: "file", path, ...OWNED, size: bytes.length, content: bytesContent(bytes) };
  };
  return [
    { type: "directory", path: "", ...OWNED, mode: 0o755 },
    { type: "directory", path: "dir", ...OWNED, mode: 0o1777 },
    text("dir/empty", ""),
    text("dir/file", "content\n".repeat(300_000)),
    { type: "hardlink", path: "dir/hard", ...OWNED, target: "dir/file" },
    { type: "symlink", path: "dir/link", ...OWNED, mode: 0o777, target: "../dir/file" },
    { type: "symlink", path: "dir/far", ...OWNED, mode: 0o777, target: `/${"far/".repeat(40)}` },
    { type: "fifo", path: "dir/fifo", ...OWNED },
    text(Buffer.from("dir/ünïcode").toString("latin1"), "u"),
    text(LONG, "deep"),
    { ...text("owner", "big ids"), uid: 3_000_000, gid: 4_000_000 } as Entry,
    { ...text("capable", "xattr"), mode: 0o4755, xattrs: new Map([["user.test", Buffer.from([0, 10, 255])]]) } as Entry,
  ];
}

test("GNU tar extracts what was written", async () => {
  const tar = join(directory, "gnu.tar");
  writeFileSync(tar, await collect(tarBlocks(tree())));
  const target = join(directory, "gnu");
  mkdirSync(target);
  const warnings = execFileSync("tar", ["-C", target, "-xpf", tar], { stdio: "pipe" });
  expect(warnings.toString()).toBe("");
  expectTree(target);
});

test("what GNU tar writes is read, in every format", async () => {
  const source = join(directory, "source");
  mkdirSync(source);
  execFileSync("tar", ["-C", source, "--xattrs", "--xattrs-include=*", "-xpf", "-"], {
    input: await collect(tarBlocks(tree())),
  });
  for (const format of ["gnu", "oldgnu", "pax"]) {
    const args = ["-C", source, `--format=${format}`, "--xattrs", "--numeric-owner", "--sort=name", "-cf", "-", "."];
    const written = execFileSync("tar", args, { maxBuffer: 1 << 28 });
    const found = new Map((await collectEntries(readTar([written]))).map((entry) => [entry.path, entry]));
    const expected = await collectEntries(tree());
    expect([...found.keys()].sort()).toEqual(
      expected
        .map((entry) => entry.path)
        .concat(parents(LONG))
        .sort(),
    );
    for (const path of [LONG, "dir/far", "dir/link", Buffer.from("dir/ünïcode").toString("latin1"), "dir/fifo"]) {
      const entry = expected.find((candidate) => candidate.path === path);
      const { uid, gid, ...rest } = entry as PlainEntry & { uid: number; gid: number };
      expect(found.get(path)).toMatchObject(isRoot ? { uid, gid, ...rest } : rest);
    }
    if (format === "pax")
      expect(found.get("capable")).toMatchObject({ xattrs: new Map([["user.test", Uint8Array.of(0, 10, 255)]]) });
  }
});

function parents(path: string): string[] {
  const components = path.split("/").slice(0, -1);
  return components.map((_, i) => components.slice(0, i + 1).join("/"));
}

test.skipIf(!has("zstd"))("gzip and zstd unpack what was written", async () => {
  for (const [kind, program] of [
    ["gzip", "gzip"],
    ["zstd", "zstd"],
  ] as const) {
    const { blob, layer } = await packed(kind);
    const content = execFileSync(program, ["-dc"], { input: blob, maxBuffer: 1 << 28 });
    expect(`sha256:${createHash("sha256").update(content).digest("hex")}`).toBe(layer.diffId);
    execFileSync(program, ["-t"], { input: blob });
  }
});

describe.skipIf(!has("skopeo") || !has("umoci") || !isRoot)("OCI tools", () => {
  test.each(["gzip", "none"] as const)("umoci unpacks a %s layer", async (kind) => {
    const layout = await writeLayout(kind);
    const bundle = join(directory, `bundle-${kind}`);
    execFileSync("umoci", ["unpack", "--image", `${layout}:test`, bundle], { stdio: "pipe" });
    expectTree(join(bundle, "rootfs"));
  });

  test.each(["gzip", "zstd", "none"] as const)(
    "skopeo copies and decompresses a %s layer to the same diffID",
    async (kind) => {
      const layout = await writeLayout(kind);
      const target = join(directory, `copy-${kind}`);
      execFileSync("skopeo", ["copy", "--dest-decompress", `oci:${layout}:test`, `dir:${target}`], { stdio: "pipe" });
      const manifest = JSON.parse(readFileSync(join(target, "manifest.json"), "utf8")) as {
        layers: { digest: string }[];
      };
      expect(manifest.layers.map(({ digest }) => digest)).toEqual([(await packed(kind)).layer.diffId]);
    },
  );
});

async function packed(kind: "gzip" | "zstd" | "none"): Promise<{ blob: Buffer; layer: WrittenLayer }> {
  const parts: Buffer[] = [];
  const sink = { write: (chunk: Uint8Array): void => void parts.push(Buffer.from(chunk)) };
  const layer = await writeLayer(tree(), { compression: { kind }, sink, signal });
  return { blob: Buffer.concat(parts), layer };
}

async function writeLayout(kind: "gzip" | "zstd" | "none"): Promise<string> {
  const { blob, layer } = await packed(kind);
  const layout = mkdtempSync(join(directory, "layout-"));
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const put = (mediaType: string, bytes: Buffer): object => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", hex), bytes);
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
  const config = put(
    "config.v1+json",
    json({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [layer.diffId] }, config: {} }),
  );
  const layers = [put(`layer.v1.tar${kind === "none" ? "" : `+${kind}`}`, blob)];
  const manifest = put(
    "manifest.v1+json",
    json({ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config, layers }),
  );
  const named = { ...manifest, annotations: { "org.opencontainers.image.ref.name": "test" } };
  writeFileSync(join(layout, "index.json"), json({ schemaVersion: 2, manifests: [named] }));
  writeFileSync(join(layout, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  return layout;
}

function expectTree(root: string): void {
  const at = (path: string): string => join(root, path);
  expect(readFileSync(at("dir/file"), "utf8")).toBe("content\n".repeat(300_000));
  expect(lstatSync(at("dir/hard")).ino).toBe(lstatSync(at("dir/file")).ino);
  expect(readlinkSync(at("dir/link"))).toBe("../dir/file");
  expect(readlinkSync(at("dir/far"))).toBe(`/${"far/".repeat(40)}`);
  expect(readFileSync(at("dir/ünïcode"), "utf8")).toBe("u");
  expect(readFileSync(at(LONG), "utf8")).toBe("deep");
  expect(lstatSync(at("dir/fifo")).isFIFO()).toBe(true);
  expect(lstatSync(at("dir")).mode & 0o7777).toBe(0o1777);
  expect(lstatSync(at("dir/file")).mtimeMs).toBe(1_600_000_000_000);
  if (!isRoot) return;
  expect([lstatSync(at("owner")).uid, lstatSync(at("owner")).gid]).toEqual([3_000_000, 4_000_000]);
  expect(lstatSync(at("capable")).mode & 0o7777).toBe(0o4755);
}
