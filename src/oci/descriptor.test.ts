import { expect, test } from "vitest";
import { describeBytes, parseDescriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { OCI_LAYER_GZIP } from "./media-type.ts";

const DIGEST = digestOf(Buffer.from("layer"));
const LAYER = { mediaType: OCI_LAYER_GZIP, digest: DIGEST, size: 5 };

test("a full descriptor is read", () => {
  const full = {
    ...LAYER,
    platform: { os: "linux", architecture: "arm64", variant: "v8", "os.features": ["x"] },
    annotations: { a: "b", __proto__x: "c" },
    urls: ["https://example.com/blob"],
    artifactType: "application/x.thing",
    data: "bGF5ZXI=",
  };
  expect(parseDescriptor(full, "d")).toEqual({
    ...full,
    platform: { os: "linux", architecture: "arm64", variant: "v8", osFeatures: ["x"] },
  });
});

test("optional members may be null, unknown ones are left", () => {
  const nulls = { platform: null, annotations: null, urls: null, artifactType: null, data: null, "x-vendor": 1 };
  expect(parseDescriptor({ ...LAYER, ...nulls }, "d")).toEqual(LAYER);
});

test("a descriptor of bytes has their size and digest", () => {
  expect(describeBytes(Buffer.from("layer"), OCI_LAYER_GZIP)).toEqual(LAYER);
});

const refused: readonly [what: string, change: JsonObject][] = [
  ["a negative size", { size: -1 }],
  ["a broken size", { size: 1.5 }],
  ["a size in quotes", { size: "5" }],
  ["no size", { size: null }],
  ["no digest", { digest: null }],
  ["a path for a digest", { digest: "sha256:../../etc/passwd" }],
  ["an unknown algorithm", { digest: `md5:${"0".repeat(32)}` }],
  ["no media type", { mediaType: null }],
  ["an empty media type", { mediaType: "" }],
  ["a media type with parameters", { mediaType: "text/plain; charset=utf-8" }],
  ["a media type of a line", { mediaType: "a/b\nc: d" }],
  ["annotations that are no strings", { annotations: { a: 1 } }],
  ["annotations that are a list", { annotations: [] }],
  ["urls that are no list", { urls: "https://example.com" }],
  ["urls that are no strings", { urls: [1] }],
  ["a platform that is a string", { platform: "linux/amd64" }],
  ["a key in another case", { Size: 7 }],
  ["a key in another case, alone", { Platform: { os: "linux", architecture: "amd64" } }],
];

test.each(refused)("%s is refused", (_, change) => {
  expect(() => parseDescriptor({ ...LAYER, ...change }, "manifest.layers[2]")).toThrow(
    expect.objectContaining({ code: "DESCRIPTOR_INVALID", message: expect.stringContaining("manifest.layers[2]") }),
  );
});

test.each([undefined, null, [], "x", 1] satisfies (JsonValue | undefined)[])("%j is no descriptor", (value) => {
  expect(() => parseDescriptor(value, "d")).toThrow(expect.objectContaining({ code: "DESCRIPTOR_INVALID" }));
});
