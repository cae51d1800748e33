import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../../src/oci/digest.ts";
import type { Entry } from "../../src/layer/entry.ts";
import { readLayer } from "../../src/layer/read-layer.ts";

/** What an image is, one statement a key: `/etc/passwd mode`, `config.Env`, `history[2]`. */
export type Facts = ReadonlyMap<string, string>;

interface Document {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string; readonly size: number }[];
}

interface ImageConfig {
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history?: readonly History[];
  readonly created?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

interface History {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly author?: string;
  readonly empty_layer?: boolean;
}

/** One object; hard links share it. */
interface Inode {
  readonly entry: Exclude<Entry, { type: "whiteout" | "opaque" | "hardlink" }>;
  readonly content: string;
}

interface Name {
  readonly inode: Inode;
  readonly layer: number;
}

/** Of an OCI layout, or of what `dir:` of containers/image writes. `since`: later times are called `now`. */
export async function imageFacts(directory: string, since: number): Promise<Facts> {
  const manifest = topManifest(directory);
  const config = readJson(blob(directory, manifest.config?.digest)) as ImageConfig;
  const names = new Map<string, Name>();
  for (const [index, layer] of (manifest.layers ?? []).entries()) {
    const diffId = config.rootfs.diff_ids[index] as Digest;
    const expected = { digest: layer.digest as Digest, size: layer.size };
    const signal = new AbortController().signal;
    const entries = readLayer(blob(directory, layer.digest), { kind: "gzip", diffId, blob: expected, signal });
    for await (const entry of entries) await apply(names, entry, index);
  }
  return new Map([...configFacts(config, since), ...rootfsFacts(names, since)]);
}

function topManifest(directory: string): Document {
  const index = join(directory, "index.json");
  if (!existsSync(index)) return readJson(join(directory, "manifest.json")) as Document;
  let document = readJson(index) as Document;
  while (document.manifests !== undefined) {
    document = readJson(blob(directory, document.manifests[0]?.digest)) as Document;
  }
  return document;
}

function blob(directory: string, digest = ""): string {
  const [, hex = ""] = digest.split(":");
  const inLayout = join(directory, "blobs/sha256", hex);
  return existsSync(inLayout) ? inLayout : join(directory, hex);
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

async function apply(names: Map<string, Name>, entry: Entry, layer: number): Promise<void> {
  const { path } = entry;
  if (entry.type === "whiteout") return removeBelow(names, path, true);
  if (entry.type === "opaque") return removeBelow(names, path, false, layer);
  if (entry.type === "hardlink") {
    const target = names.get(entry.target);
    if (target === undefined) throw new Error(`${path} links to ${entry.target}, which is not there`);
    names.set(path, { inode: target.inode, layer });
    return;
  }
  if (entry.type !== "directory") removeBelow(names, path, true);
  names.set(path, { inode: { entry, content: entry.type === "file" ? await contentOf(entry) : "" }, layer });
}

function removeBelow(names: Map<string, Name>, path: string, itself: boolean, before = Infinity): void {
  if (itself) names.delete(path);
  const prefix = path === "" ? "" : `${path}/`;
  for (const [name, { layer }] of names) if (name.startsWith(prefix) && layer < before) names.delete(name);
}

async function contentOf(entry: Extract<Entry, { type: "file" }>): Promise<string> {
  const hash = createHash("sha256");
  let text = Buffer.alloc(0);
  for (let chunk = await entry.content.next(); chunk !== undefined; chunk = await entry.content.next()) {
    hash.update(chunk);
    if (text.length < 600) text = Buffer.concat([text, chunk]);
  }
  entry.content.close();
  return entry.size < 600
    ? JSON.stringify(text.toString("latin1"))
    : `${entry.size} bytes ${hash.digest("hex").slice(0, 16)}`;
}

function* rootfsFacts(names: ReadonlyMap<string, Name>, since: number): Generator<readonly [string, string]> {
  const groups = new Map<Inode, string[]>();
  for (const [path, { inode }] of names) groups.set(inode, [...(groups.get(inode) ?? []), `/${path}`]);
  for (const [path, { inode }] of names) {
    const { entry, content } = inode;
    if (path === "") continue;
    const key = `/${path}`;
    yield [`${key} type`, entry.type];
    yield [`${key} owner`, `${entry.uid}:${entry.gid}`];
    if (entry.type !== "symlink") yield [`${key} mode`, entry.mode.toString(8)];
    if (entry.type === "symlink") yield [`${key} target`, entry.target];
    if (entry.type === "file") yield [`${key} content`, content];
    if (entry.type === "char" || entry.type === "block") yield [`${key} device`, `${entry.major}:${entry.minor}`];
    yield [`${key} mtime`, moment(Number(entry.mtime / 1_000_000_000n), since)];
    for (const [name, value] of entry.xattrs ?? []) {
      yield [`${key} xattr ${name}`, Buffer.from(value).toString("hex")];
    }
    const group = groups.get(inode) ?? [];
    if (group.length > 1) yield [`${key} links`, group.toSorted().join(" ")];
  }
}

function* configFacts(image: ImageConfig, since: number): Generator<readonly [string, string]> {
  for (const [field, value] of Object.entries(image)) {
    if (field === "config" || field === "history" || field === "rootfs" || field === "created") continue;
    yield [field, canonical(value)];
  }
  yield ["created", time(image.created, since)];
  for (const [field, value] of Object.entries(image.config ?? {})) yield [`config.${field}`, canonical(value)];
  for (const [index, item] of (image.history ?? []).entries()) {
    const marks = [item.comment, item.author, item.empty_layer === true ? "empty layer" : ""].filter(Boolean);
    yield [`history[${index}]`, `${item.created_by} (${marks.join(", ")})`];
    yield [`history[${index}] created`, time(item.created, since)];
  }
}

function time(text: string | undefined, since: number): string {
  const milliseconds = Date.parse(text ?? "");
  return Number.isNaN(milliseconds) ? "none" : moment(Math.floor(milliseconds / 1000), since);
}

function moment(seconds: number, since: number): string {
  return seconds >= since ? "now" : String(seconds);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "undefined";
  const fields = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, one]) => `${JSON.stringify(name)}:${canonical(one)}`).join(",")}}`;
}
