import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { PackageSource, type DebianArch } from "./apt.ts";
import type { PlatformFields } from "./blobs.ts";
import { artefactPath, makeArtefact, type Artefact } from "./cache.ts";
import { goToolchain, GO_VERSION, machineGoArch } from "./go-toolchain.ts";
import { putIndex, type NamedManifest } from "./image.ts";
import { runTool } from "./process.ts";
import { alpine } from "./recipes/alpine.ts";
import { appletNames, busybox } from "./recipes/busybox.ts";
import { debian, debianLayer } from "./recipes/debian.ts";
import { distroless } from "./recipes/distroless.ts";
import { golang } from "./recipes/golang.ts";
import type { Workshop } from "./recipes/workshop.ts";
import { tagInRegistryFolder, writeRegistryFolder } from "./registry-folder.ts";

/** The platforms of every test, and those that a test can ask for besides. */
export const MAIN_PLATFORMS = ["linux/amd64", "linux/arm64", "linux/arm/v7"] as const;
export const MORE_PLATFORMS = ["linux/s390x", "linux/ppc64le", "linux/riscv64"] as const;

export type BedPlatform = (typeof MAIN_PLATFORMS)[number] | (typeof MORE_PLATFORMS)[number];

const DEBIAN_ARCH: Readonly<Record<BedPlatform, DebianArch>> = {
  "linux/amd64": "amd64",
  "linux/arm64": "arm64",
  "linux/arm/v7": "armhf",
  "linux/s390x": "s390x",
  "linux/ppc64le": "ppc64el",
  "linux/riscv64": "riscv64",
};

/** A folder that docker-registry serves: every base image as an index of these platforms. */
export function baseImages(platforms: readonly BedPlatform[]): Artefact {
  return {
    name: `base-images-${platforms.length}`,
    recipe: platforms.map((platform) => basename(artefactPath(platformImages(platform)))),
    sources: [new URL(import.meta.url), new URL("registry-folder.ts", import.meta.url)],
    make: async (directory) => {
      const parts: string[] = [];
      await makeArtefact(goToolchain(machineGoArch()));
      for (const platform of platforms) parts.push(await makeArtefact(platformImages(platform)));
      mergePlatforms(directory, parts);
    },
  };
}

function platformImages(platform: BedPlatform): Artefact {
  const recipes = new URL("recipes/", import.meta.url);
  const shared = ["apt.ts", "blobs.ts", "image.ts", "debian-root.ts", "dpkg-database.ts", "base-images.ts"];
  return {
    name: `images-${platform.replaceAll("/", "-")}`,
    recipe: [platform, GO_VERSION, machineGoArch()],
    sources: [
      ...shared.map((name) => new URL(name, import.meta.url)),
      ...readdirSync(recipes)
        .toSorted()
        .map((name) => new URL(name, recipes)),
    ],
    make: (directory) => makePlatform(directory, platform),
  };
}

async function makePlatform(directory: string, platform: BedPlatform): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "manyarch-bed-images-"));
  try {
    const arch = DEBIAN_ARCH[platform];
    const packages = await PackageSource.open(join(scratch, "apt"), arch);
    const isMachine = arch === machineGoArch();
    const machine = isMachine ? packages : await PackageSource.open(join(scratch, "apt-machine"), machineGoArch());
    const applets = await appletNames(machine, join(scratch, "applets"));
    const workshop = { arch, platform: platformFields(platform), packages, store: directory, scratch, applets };
    writeFileSync(join(directory, "images.json"), JSON.stringify(await makeFamilies(workshop, isMachine), null, 2));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

// Debian bookworm has no riscv64; the other families are made from trixie's packages there.
async function makeFamilies(workshop: Workshop, isMachine: boolean): Promise<readonly NamedManifest[]> {
  const small = [...(await distroless(workshop)), ...(await busybox(workshop)), ...(await alpine(workshop))];
  if (workshop.arch === "riscv64") return small;
  const base = await debianLayer(workshop);
  const images = [...small, ...(await debian(workshop, base))];
  if (!isMachine) return images;
  const toolchain = artefactPath(goToolchain(machineGoArch()));
  return [...images, ...(await golang(base, toolchain)(workshop))];
}

function mergePlatforms(directory: string, parts: readonly string[]): void {
  const merged = new Map<string, NamedManifest>();
  for (const part of parts) {
    for (const image of JSON.parse(readFileSync(join(part, "images.json"), "utf8")) as readonly NamedManifest[]) {
      const key = `${image.repository}:${image.tags.join()}`;
      const before = merged.get(key);
      merged.set(key, { ...image, manifests: [...(before?.manifests ?? []), ...image.manifests] });
    }
  }
  const store = join(directory, "store");
  mkdirSync(join(store, "blobs/sha256"), { recursive: true });
  for (const part of parts) shareBlobs(part, store);
  const folder = join(directory, "registry");
  for (const image of merged.values()) {
    const index = putIndex(store, image.manifests);
    writeRegistryFolder(folder, store, image.repository, index);
    for (const tag of image.tags) tagInRegistryFolder(folder, image.repository, tag, index.digest);
  }
  runTool("rm", ["-rf", store]);
}

function shareBlobs(part: string, store: string): void {
  for (const name of readdirSync(join(part, "blobs/sha256"))) {
    const target = join(store, "blobs/sha256", name);
    if (!existsSync(target)) linkSync(join(part, "blobs/sha256", name), target);
  }
}

function platformFields(platform: BedPlatform): PlatformFields {
  const [os = "", architecture = "", variant] = platform.split("/");
  return variant === undefined ? { architecture, os } : { architecture, os, variant };
}
