import { putLayer, type Layer } from "../blobs.ts";
import { configureDebian, unpackPackages } from "../debian-root.ts";
import { putAttestation, putImage, type NamedManifest } from "../image.ts";
import { newTree, type Workshop } from "./workshop.ts";

/** What debootstrap's minbase is: every essential and required package, and apt. */
export const MINIMAL = ["?essential", "?priority(required)", "apt", "usr-is-merged"] as const;

export const DEBIAN_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** `debian:bookworm-slim`: a minimal root, unpacked and not configured under an emulator. */
export async function debian(workshop: Workshop, base: DebianBase): Promise<readonly NamedManifest[]> {
  const manifest = putImage(workshop.store, {
    platform: workshop.platform,
    layers: [{ layer: base.layer, by: "# debian bookworm from its packages, no maintainer script run" }],
    config: { Env: [DEBIAN_PATH], Cmd: ["bash"] },
  });
  const manifests = [manifest, putAttestation(workshop.store, manifest)];
  return [{ repository: "library/debian", tags: ["bookworm-slim", "bookworm", "12-slim", "latest"], manifests }];
}

export interface DebianBase {
  readonly root: string;
  readonly layer: Layer;
}

/** The root as a tree and as the layer that images of this platform share. */
export async function debianLayer(workshop: Workshop): Promise<DebianBase> {
  const root = newTree(workshop, "debian");
  const packages = await workshop.packages.closure(MINIMAL);
  await workshop.packages.download(packages);
  unpackPackages(root, workshop.arch, packages);
  configureDebian(root);
  return {
    root,
    layer: await putLayer(workshop.store, root, { owners: { "./etc/shadow": "0:42", "./etc/gshadow": "0:42" } }),
  };
}
