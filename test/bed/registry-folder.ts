import { existsSync, linkSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { blobPath, type Descriptor } from "./blobs.ts";

/**
 * Writes what `root` reaches into the folder layout of distribution 2.x's file system driver, so that a
 * registry can serve it at once and nothing has to be pushed. Blobs are hard links.
 */
export function writeRegistryFolder(folder: string, store: string, repository: string, root: Descriptor): void {
  addBlob(folder, store, root.digest);
  link(folder, repository, `_manifests/revisions/${slashed(root.digest)}`, root.digest);
  const document = JSON.parse(readFileSync(blobPath(store, root.digest), "utf8")) as {
    readonly manifests?: readonly Descriptor[];
    readonly config?: Descriptor;
    readonly layers?: readonly Descriptor[];
  };
  for (const manifest of document.manifests ?? []) writeRegistryFolder(folder, store, repository, manifest);
  for (const blob of [...(document.config === undefined ? [] : [document.config]), ...(document.layers ?? [])]) {
    addBlob(folder, store, blob.digest);
    link(folder, repository, `_layers/${slashed(blob.digest)}`, blob.digest);
  }
}

export function tagInRegistryFolder(folder: string, repository: string, tag: string, digest: string): void {
  link(folder, repository, `_manifests/tags/${tag}/current`, digest);
  link(folder, repository, `_manifests/tags/${tag}/index/${slashed(digest)}`, digest);
}

function addBlob(folder: string, store: string, digest: string): void {
  const hex = digest.slice("sha256:".length);
  const data = join(folder, "docker/registry/v2/blobs/sha256", hex.slice(0, 2), hex, "data");
  if (existsSync(data)) return;
  mkdirSync(dirname(data), { recursive: true });
  linkSync(blobPath(store, digest), data);
}

function link(folder: string, repository: string, path: string, digest: string): void {
  const file = join(folder, "docker/registry/v2/repositories", repository, path, "link");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, digest);
}

function slashed(digest: string): string {
  return digest.replace(":", "/");
}
