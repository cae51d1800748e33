import { expect, test } from "vitest";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { indexPlatforms, isAttestation, selectManifests } from "./image-index.ts";
import type { ImageIndex } from "./image-index.ts";
import { OCI_INDEX, OCI_MANIFEST } from "./media-type.ts";
import { formatPlatform, parsePlatform } from "./platform.ts";

/** Platforms as an index spells them; `-` has none, `?` is an attestation. */
function index(...platforms: readonly string[]): ImageIndex {
  const manifests = platforms.map((text, at): Descriptor => {
    const bare = { mediaType: OCI_MANIFEST, digest: digestOf(Buffer.from(`${at}`)), size: 1, artifactType: `x/m${at}` };
    if (text === "-") return bare;
    if (text === "?") {
      const annotations = { "vnd.docker.reference.type": "attestation-manifest" };
      return { ...bare, annotations, platform: { os: "unknown", architecture: "unknown" } };
    }
    const [os = "", architecture = "", variant] = text.split("/");
    return { ...bare, platform: { os, architecture, variant } };
  });
  return { kind: "index", mediaType: OCI_INDEX, manifests };
}

const select = (of: ImageIndex, wanted: string): string[] =>
  selectManifests(of, parsePlatform(wanted)).map(({ artifactType }) => artifactType?.slice(3) ?? "");

test("the best platform comes first, the index's order decides among equals", () => {
  const arm = index("linux/arm/v5", "linux/arm/v6", "linux/amd64", "linux/arm", "linux/arm/v8", "linux/arm/v7");
  expect(select(arm, "linux/arm/v7")).toEqual(["3", "5", "1", "0"]);
  expect(select(arm, "linux/arm/v6")).toEqual(["1", "0"]);
  expect(select(arm, "linux/arm64")).toEqual(["4", "3", "5", "1", "0"]);
  expect(select(arm, "linux/s390x")).toEqual([]);
});

test("arm64 is found whether or not the index says v8", () => {
  expect(select(index("linux/amd64", "linux/arm64/v8"), "linux/arm64")).toEqual(["1"]);
  expect(select(index("linux/arm64"), "linux/arm64/v8")).toEqual(["0"]);
});

test("attestations are never chosen, members without a platform last", () => {
  const mixed = index("?", "-", "unknown/unknown", "linux/amd64", "-");
  expect(select(mixed, "linux/amd64")).toEqual(["3", "1", "4"]);
  expect(indexPlatforms(mixed).map(formatPlatform)).toEqual(["linux/amd64"]);
  const [first] = index("?").manifests;
  const posing = { ...first, platform: { os: "linux", architecture: "amd64" } } as Descriptor;
  expect(selectManifests({ ...mixed, manifests: [posing] }, parsePlatform("linux/amd64"))).toEqual([]);
  expect(mixed.manifests.map(isAttestation)).toEqual([true, false, true, false, false]);
});
