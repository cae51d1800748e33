import { expect, test } from "vitest";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import { parseReference } from "../oci/reference.ts";
import { assembleImage, assembleIndex, type Image } from "./image.ts";
import { imageIdOf, metadataOf } from "./metadata.ts";

function image(platform: string): Image {
  const parsed = parsePlatform(platform);
  return assembleImage({
    platform: parsed,
    config: { ...parsed, config: {} },
    layers: [],
    history: [],
    created: undefined,
    format: "oci",
    annotations: [{ scope: "manifest-descriptor", platform: parsed, key: "for", value: formatPlatform(parsed) }],
  });
}

const amd64 = image("linux/amd64");
const arm64 = image("linux/arm64");

test("of one platform: the manifest, the config's digest, the names", () => {
  const metadata = metadataOf([amd64], undefined, [parseReference("a:1"), parseReference("b.test/c:2")]);
  expect(metadata).toEqual({
    "containerimage.descriptor": amd64.manifest.descriptor,
    "containerimage.digest": amd64.manifest.descriptor.digest,
    "containerimage.config.digest": amd64.config.descriptor.digest,
    "image.name": "docker.io/library/a:1,b.test/c:2",
    platforms: {
      "linux/amd64": {
        "containerimage.digest": amd64.manifest.descriptor.digest,
        "containerimage.config.digest": amd64.config.descriptor.digest,
      },
    },
  });
  expect(imageIdOf([amd64], undefined)).toBe(amd64.config.descriptor.digest);
  expect(amd64.manifest.descriptor.annotations).toEqual({ for: "linux/amd64" });
});

test("of several: the index, which is the image's id too", () => {
  const annotations = [{ scope: "index", key: "k", value: "v" } as const];
  const index = assembleIndex([amd64, arm64], { format: "oci", annotations });
  const metadata = metadataOf([amd64, arm64], index, []) as Record<string, unknown>;
  expect(metadata["containerimage.digest"]).toBe(index.descriptor.digest);
  expect(metadata).not.toHaveProperty(["containerimage.config.digest"]);
  expect(metadata).not.toHaveProperty(["image.name"]);
  expect(Object.keys(metadata["platforms"] as object)).toEqual(["linux/amd64", "linux/arm64"]);
  expect(imageIdOf([amd64, arm64], index)).toBe(index.descriptor.digest);
  const document = JSON.parse(Buffer.from(index.bytes).toString()) as Record<string, unknown>;
  expect(document).toMatchObject({ annotations: { k: "v" }, manifests: [{ annotations: { for: "linux/amd64" } }, {}] });
});

test("the config's variant is what the config says, not what the platform was asked as", () => {
  const platform = parsePlatform("linux/arm64");
  const { config } = assembleImage({
    platform,
    config: { os: "linux", architecture: "arm64", variant: "v8", config: {} },
    layers: [],
    history: [],
    created: undefined,
    format: "oci",
    annotations: [],
  });
  expect(JSON.parse(Buffer.from(config.bytes).toString())).toMatchObject({ architecture: "arm64", variant: "v8" });
});
