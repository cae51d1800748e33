import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureArtefact } from "../bed/make.ts";
import { runTool, runToolAsync } from "../bed/process.ts";
import type { Registry } from "../bed/registry.ts";

export interface Manifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string; readonly mediaType: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[];
}

export interface Index {
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly os: string; readonly architecture: string; readonly variant?: string };
  }[];
}

export interface Config {
  readonly created: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history: readonly {
    readonly created: string;
    readonly created_by: string;
    readonly empty_layer?: boolean;
  }[];
}

const ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

/** What `name:tag` or `name@digest` of a registry is, its bytes as they are. */
export async function documentOf(registry: Registry, name: string): Promise<Manifest | Index> {
  const [, repository, reference] = /^(.+?)[:@](.+)$/.exec(name) ?? [];
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${reference}`, {
    headers: { accept: ACCEPT },
  });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return (await answer.json()) as Manifest | Index;
}

/** The manifest of one platform's image: of the only one where there is no index. */
export async function manifestOf(registry: Registry, name: string, platform = "linux/amd64"): Promise<Manifest> {
  const document = await documentOf(registry, name);
  if (!("manifests" in document)) return document;
  const found = document.manifests.find((one) => platformName(one.platform) === platform);
  if (found === undefined) throw new Error(`${name} has no ${platform}`);
  return (await documentOf(registry, `${repositoryOf(name)}@${found.digest}`)) as Manifest;
}

export async function configOf(registry: Registry, name: string, platform = "linux/amd64"): Promise<Config> {
  const { config } = await manifestOf(registry, name, platform);
  const answer = await fetch(`${registry.url}/v2/${repositoryOf(name)}/blobs/${config.digest}`);
  return (await answer.json()) as Config;
}

export function platformName({ os, architecture, variant }: Index["manifests"][number]["platform"]): string {
  return [os, architecture, variant].filter((part) => part !== undefined).join("/");
}

export function repositoryOf(name: string): string {
  return name.replace(/[:@].*/, "");
}

export function crane(...args: readonly string[]): Promise<string> {
  return runToolAsync(join(ensureArtefact("crane"), "crane"), args);
}

/** One object of an archive as GNU tar reads it. */
export interface Listed {
  /** As ls shows it: `-rw-r--r--`. */
  readonly mode: string;
  /** `uid/gid` */
  readonly owner: string;
  /** Of a symlink or hard link. */
  readonly target?: string;
  /** `2023-11-14 22:13:20` in UTC. */
  readonly time: string;
}

/** The file system of an image, or one layer of it, as a tar that other programs made and read. */
export class Rootfs implements Disposable {
  readonly #directory: string;
  readonly files: Readonly<Record<string, Listed>>;

  private constructor(directory: string) {
    this.#directory = directory;
    this.files = listTar(join(directory, "image.tar"));
  }

  /** All layers of a platform's image, one applied to the other by crane. */
  static async of(registry: Registry, name: string, platform = "linux/amd64"): Promise<Rootfs> {
    const directory = mkdtempSync(join(tmpdir(), "manyarch-rootfs-"));
    await crane("export", "--platform", platform, `${registry.host}/${name}`, join(directory, "image.tar"));
    return new Rootfs(directory);
  }

  /** One layer; -1 is the last. */
  static async ofLayer(registry: Registry, name: string, at: number, platform?: string): Promise<Rootfs> {
    const { layers } = await manifestOf(registry, name, platform);
    const { digest } = layers.at(at) ?? { digest: "" };
    const answer = await fetch(`${registry.url}/v2/${repositoryOf(name)}/blobs/${digest}`);
    const directory = mkdtempSync(join(tmpdir(), "manyarch-rootfs-"));
    const packed = Buffer.from(await answer.arrayBuffer());
    writeFileSync(join(directory, "image.tar"), packed[0] === 0x1f ? gunzip(packed) : packed);
    return new Rootfs(directory);
  }

  /** `-rwxr-xr-x 0/0` or `lrwxrwxrwx 0/0 -> target`; undefined where nothing is. */
  look(path: string): string | undefined {
    const file = this.files[path];
    if (file === undefined) return undefined;
    return `${file.mode} ${file.owner}${file.target === undefined ? "" : ` -> ${file.target}`}`;
  }

  read(path: string): string {
    return runTool("tar", ["-xOf", join(this.#directory, "image.tar"), "--no-wildcards", path]);
  }

  /** Puts a file out to run it. */
  extract(path: string): string {
    runTool("tar", ["-xf", join(this.#directory, "image.tar"), "-C", this.#directory, path]);
    return join(this.#directory, path);
  }

  bytes(): Buffer {
    return readFileSync(join(this.#directory, "image.tar"));
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function gunzip(packed: Buffer): Buffer {
  return process.getBuiltinModule("node:zlib").gunzipSync(packed);
}

/** By path without slashes around it, as GNU tar lists them. */
export function listTar(archive: string): Readonly<Record<string, Listed>> {
  const env = { ...process.env, TZ: "UTC", LC_ALL: "C.UTF-8" };
  const lines = runTool("tar", ["-tvf", archive, "--numeric-owner", "--full-time"], { env }).trimEnd().split("\n");
  return Object.fromEntries(lines.filter((line) => line !== "").map(parseLine));
}

function parseLine(line: string): readonly [string, Listed] {
  const [, mode = "", owner = "", time = "", rest = ""] =
    /^(\S+) (\S+)\s+\S+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\S* (.*)$/.exec(line) ?? [];
  const [name = "", target] = rest.split(mode.startsWith("l") ? " -> " : " link to ");
  const path = name.replace(/^\.?\/|\/$/g, "");
  return [path, { mode, owner, time, ...(target !== undefined && { target }) }];
}
