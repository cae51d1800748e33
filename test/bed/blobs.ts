import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { AppError } from "../../src/base/errors.ts";
import { runTool } from "./process.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: PlatformFields;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface PlatformFields {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
}

/** What goes into a layer beside what is on disk: an unprivileged bed cannot own files as others. */
export interface LayerOptions {
  /** Patterns of paths that stay out, as GNU tar's `--exclude` reads them (`./bin`). */
  readonly exclude?: readonly string[];
  /** Paths (`./home/nonroot`) whose tree belongs to `uid:gid` instead of root. */
  readonly owners?: Readonly<Record<string, string>>;
}

export const MEDIA = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  inToto: "application/vnd.in-toto+json",
} as const;

/** Later times, and those of files made in this run, become this one (2026-01-01): a layer has no time of its making. */
const LATEST_TIME = "@1767225600";

/** Writes bytes below `blobs/sha256` of `store` under their own digest. */
export function putBlob(store: string, mediaType: string, bytes: Buffer): Descriptor {
  const digest = createHash("sha256").update(bytes).digest("hex");
  mkdirSync(join(store, "blobs/sha256"), { recursive: true });
  writeFileSync(blobPath(store, `sha256:${digest}`), bytes);
  return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
}

export function putJson(store: string, mediaType: string, value: unknown): Descriptor {
  return putBlob(store, mediaType, Buffer.from(JSON.stringify(value)));
}

export function blobPath(store: string, digest: string): string {
  return join(store, "blobs", digest.replace(":", "/"));
}

/** Packs the tree at `root` into a gzip layer: sorted, owned by root, the same bytes from any user. */
export async function putLayer(store: string, root: string, options: LayerOptions = {}): Promise<Layer> {
  mkdirSync(join(store, "blobs/sha256"), { recursive: true });
  const archive = join(store, `layer-${process.pid}-${Math.random().toString(36).slice(2)}`);
  packTree(`${archive}.tar`, root, options);
  const diff = createHash("sha256");
  const whole = createHash("sha256");
  let size = 0;
  const reader = spawn("cat", [`${archive}.tar`], { stdio: ["ignore", "pipe", "inherit"] });
  reader.stdout.on("data", (chunk: Buffer) => diff.update(chunk));
  const gzip = createGzip({ level: 5, chunkSize: 1 << 20 });
  gzip.on("data", (chunk: Buffer) => {
    whole.update(chunk);
    size += chunk.length;
  });
  await pipeline(reader.stdout, gzip, createWriteStream(archive));
  runTool("rm", [`${archive}.tar`]);
  const digest = `sha256:${whole.digest("hex")}`;
  renameSync(archive, blobPath(store, digest));
  return { descriptor: { mediaType: MEDIA.layer, digest, size }, diffId: `sha256:${diff.digest("hex")}` };
}

function packTree(archive: string, root: string, options: LayerOptions): void {
  const owned = Object.entries(options.owners ?? {});
  const out = (options.exclude ?? []).map((path) => `--exclude=${path}`);
  const others = owned.map(([path]) => `--exclude=${path}`);
  tar(["--create", "--file", archive, ...out, ...others, "--owner=0", "--group=0", "."], root);
  for (const [path, owner] of owned) {
    const [uid, gid] = owner.split(":");
    if (uid === undefined || gid === undefined) throw new AppError("BED_OWNER", `expected uid:gid, found ${owner}`);
    tar(["--append", "--file", archive, ...out, `--owner=${uid}`, `--group=${gid}`, path], root);
  }
}

function tar(args: readonly string[], root: string): void {
  const fixed = ["--format=pax", "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime"];
  const order = ["--sort=name", "--numeric-owner", "--clamp-mtime", `--mtime=${LATEST_TIME}`, "--anchored"];
  runTool("tar", ["--directory", root, ...fixed, ...order, "--no-wildcards-match-slash", ...args]);
}
