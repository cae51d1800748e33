import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DebianArch, PackageSource } from "../apt.ts";
import { putLayer, type Layer, type LayerOptions, type PlatformFields } from "../blobs.ts";
import type { NamedManifest } from "../image.ts";
import { runTool } from "../process.ts";

/** What a recipe gets: one platform, its packages, and where to put the result. */
export interface Workshop {
  readonly arch: DebianArch;
  readonly platform: PlatformFields;
  readonly packages: PackageSource;
  /** Where blobs go. */
  readonly store: string;
  /** A directory for trees on their way into layers. */
  readonly scratch: string;
  /** The commands of busybox. Debian configures it alike for every architecture. */
  readonly applets: readonly string[];
}

/** Makes the images of one family for one platform. */
export type Recipe = (workshop: Workshop) => Promise<readonly NamedManifest[]>;

/** Files of a small tree: their text, or text and mode (default 0644); a path that ends in `/` is a directory. */
export type FileTable = Readonly<Record<string, string | readonly [text: string, mode: number]>>;

/** An empty directory for a tree. */
export function newTree(workshop: Workshop, name: string): string {
  const root = join(workshop.scratch, name);
  mkdirSync(root, { recursive: true });
  chmodSync(root, 0o755);
  return root;
}

/** Unpacks packages as they are, into a root without merged /usr. */
export async function unpackPlain(packages: PackageSource, root: string, names: readonly string[]): Promise<void> {
  const wanted = (await packages.closure(names)).filter((one) => names.includes(one.name));
  await packages.download(wanted);
  for (const one of wanted) runTool("dpkg-deb", ["--extract", one.file, root]);
}

export function writeTree(root: string, files: FileTable): void {
  for (const [path, entry] of Object.entries(files)) {
    const [text, mode] = typeof entry === "string" ? [entry, path.endsWith("/") ? 0o755 : 0o644] : entry;
    const full = join(root, path);
    mkdirSync(path.endsWith("/") ? full : dirname(full), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(full, text);
    chmodSync(full, mode);
  }
}

/** A layer of only these files. */
export function putFiles(workshop: Workshop, name: string, files: FileTable, options?: LayerOptions): Promise<Layer> {
  const root = newTree(workshop, name);
  writeTree(root, files);
  return putLayer(workshop.store, root, options);
}
