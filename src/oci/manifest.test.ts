import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { parseIndex } from "./image-index.ts";
import { assertImage, parseManifest, parseManifestOrIndex } from "./manifest.ts";
import * as types from "./media-type.ts";

const descriptor = (mediaType: string, text = mediaType): object => ({
  mediaType,
  digest: digestOf(Buffer.from(text)),
  size: text.length,
});
const CONFIG = descriptor(types.OCI_CONFIG);
const LAYER = descriptor(types.OCI_LAYER_GZIP);
const MANIFEST = { schemaVersion: 2, mediaType: types.OCI_MANIFEST, config: CONFIG, layers: [LAYER] };
const INDEX = { schemaVersion: 2, mediaType: types.OCI_INDEX, manifests: [descriptor(types.OCI_MANIFEST)] };
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const code = (name: string): unknown => expect.objectContaining({ code: name });

test("a manifest is read, with what is optional and without", () => {
  expect(parseManifest(bytes(MANIFEST))).toEqual({
    kind: "manifest",
    mediaType: types.OCI_MANIFEST,
    config: CONFIG,
    layers: [LAYER],
  });
  const full = { ...MANIFEST, artifactType: "a/b", subject: descriptor(types.OCI_MANIFEST), annotations: { a: "b" } };
  expect(parseManifest(bytes(full))).toMatchObject({
    artifactType: "a/b",
    subject: full.subject,
    annotations: { a: "b" },
  });
  const nulls = { ...MANIFEST, artifactType: null, subject: null, annotations: null, manifests: null };
  expect(parseManifest(bytes(nulls))).toEqual(parseManifest(bytes(MANIFEST)));
});

test("an image may have no layer, or two hundred", () => {
  expect(parseManifest(bytes({ ...MANIFEST, layers: [] })).layers).toEqual([]);
  expect(parseManifest(bytes({ ...MANIFEST, layers: null })).layers).toEqual([]);
  expect(parseManifest(bytes({ ...MANIFEST, layers: Array.from({ length: 200 }, () => LAYER) })).layers).toHaveLength(
    200,
  );
});

test("either kind is told from the other", () => {
  expect(parseManifestOrIndex(bytes(MANIFEST)).kind).toBe("manifest");
  expect(parseManifestOrIndex(bytes(INDEX)).kind).toBe("index");
  expect(() => parseManifest(bytes(INDEX))).toThrow(code("MANIFEST_INVALID"));
  expect(() => parseIndex(bytes(MANIFEST))).toThrow(code("MANIFEST_INVALID"));
});

test("the type comes from the body, else from the answer, else from what is in it", () => {
  const { mediaType: _, ...bare } = MANIFEST;
  expect(parseManifest(bytes(bare)).mediaType).toBe(types.OCI_MANIFEST);
  expect(parseManifest(bytes(bare), types.DOCKER_MANIFEST).mediaType).toBe(types.DOCKER_MANIFEST);
  expect(parseManifest(bytes({ ...bare, mediaType: types.DOCKER_MANIFEST })).mediaType).toBe(types.DOCKER_MANIFEST);
  expect(parseManifestOrIndex(bytes({ schemaVersion: 2, manifests: [] })).mediaType).toBe(types.OCI_INDEX);
});

test("the answer's Content-Type must agree, its parameters and case apart", () => {
  for (const type of [
    `${types.OCI_MANIFEST}; charset=utf-8`,
    types.OCI_MANIFEST.toUpperCase(),
    "application/json",
    "",
    undefined,
  ]) {
    expect(parseManifest(bytes(MANIFEST), type).mediaType).toBe(types.OCI_MANIFEST);
  }
  for (const type of [types.DOCKER_MANIFEST, types.OCI_INDEX, "application/vnd.example+json"]) {
    expect(() => parseManifestOrIndex(bytes(MANIFEST), type)).toThrow(code("MANIFEST_INVALID"));
  }
  const { mediaType: _, ...bare } = MANIFEST;
  expect(() => parseManifestOrIndex(bytes(bare), types.OCI_INDEX)).toThrow(code("MANIFEST_INVALID"));
  expect(() => parseManifestOrIndex(bytes(bare), "application/vnd.example+json")).toThrow(code("MANIFEST_UNSUPPORTED"));
});

test.each([
  ["manifest and index in one", { ...MANIFEST, manifests: INDEX.manifests }],
  ["the same, as an index", { ...INDEX, layers: [LAYER], config: CONFIG }],
  ["the same, without a type", { schemaVersion: 2, config: CONFIG, layers: [LAYER], manifests: INDEX.manifests }],
  ["an index with layers", { ...INDEX, layers: [] }],
  ["an index with history", { ...INDEX, history: [] }],
  ["a manifest with fsLayers", { ...MANIFEST, fsLayers: [] }],
  ["layers in another case", { ...MANIFEST, layers: undefined, Layers: [LAYER] }],
  ["a subject in another case", { ...MANIFEST, Subject: descriptor(types.OCI_MANIFEST) }],
  ["no schemaVersion", { ...MANIFEST, schemaVersion: undefined }],
  ["another schemaVersion", { ...MANIFEST, schemaVersion: 3 }],
  ["schemaVersion in quotes", { ...MANIFEST, schemaVersion: "2" }],
  ["no layers", { ...MANIFEST, layers: undefined }],
  ["layers that are an object", { ...MANIFEST, layers: {} }],
  ["no manifests", { ...INDEX, manifests: undefined }],
  ["neither", { schemaVersion: 2 }],
  ["a list", [MANIFEST]],
  ["null", null],
  ["a text", "manifest"],
  ["a type that is none", { ...MANIFEST, mediaType: 7 }],
  ["annotations that are a list", { ...MANIFEST, annotations: ["a"] }],
  ["an artifact type that is none", { ...MANIFEST, artifactType: "a" }],
])("%s is refused", (_, value) => {
  expect(() => parseManifestOrIndex(bytes(value))).toThrow(code("MANIFEST_INVALID"));
});

test.each([
  ["no config", { ...MANIFEST, config: undefined }],
  ["a config of size -1", { ...MANIFEST, config: { ...CONFIG, size: -1 } }],
  ["a layer of size 1.5", { ...MANIFEST, layers: [{ ...LAYER, size: 1.5 }] }],
  ["a layer that is a string", { ...MANIFEST, layers: ["sha256:"] }],
  ["a subject without digest", { ...MANIFEST, subject: { ...CONFIG, digest: "" } }],
  ["an index of digests", { ...INDEX, manifests: ["sha256:"] }],
])("%s is refused as a descriptor", (_, value) => {
  expect(() => parseManifestOrIndex(bytes(value))).toThrow(code("DESCRIPTOR_INVALID"));
});

test("text that is no strict JSON is refused", () => {
  const twice = JSON.stringify(MANIFEST).replace('"layers"', '"layers":[],"layers"');
  const big = JSON.stringify(MANIFEST).replace(/"size":\d+/, '"size":9007199254740993');
  for (const text of ["", "not json", twice, big, `${JSON.stringify(MANIFEST)}{}`]) {
    expect(() => parseManifestOrIndex(Buffer.from(text))).toThrow(code("JSON_INVALID"));
  }
  expect(() => parseManifest(Buffer.alloc(4 * 1024 * 1024 + 1, " "))).toThrow(code("JSON_INVALID"));
});

test("the first schema is refused by name", () => {
  const old = {
    schemaVersion: 1,
    name: "library/x",
    tag: "1",
    fsLayers: [{ blobSum: digestOf(Buffer.from("")) }],
    history: [],
  };
  for (const type of [undefined, "application/json", types.DOCKER_SCHEMA1, types.DOCKER_SCHEMA1_SIGNED]) {
    expect(() => parseManifestOrIndex(bytes(old), type)).toThrow(
      expect.objectContaining({ code: "MANIFEST_UNSUPPORTED", message: expect.stringContaining("first schema") }),
    );
  }
});

test("a document of another type is refused by name", () => {
  const value = { ...MANIFEST, mediaType: "application/vnd.cncf.helm.chart.v1+json" };
  expect(() => parseManifestOrIndex(bytes(value))).toThrow(
    expect.objectContaining({ code: "MANIFEST_UNSUPPORTED", message: expect.stringContaining("helm") }),
  );
});

test("only what has a config of an image and readable layers is an image", () => {
  const image = parseManifest(bytes(MANIFEST));
  expect(() => assertImage(image)).not.toThrow();
  const parse = (change: object): (() => void) => {
    const manifest = parseManifest(bytes({ ...MANIFEST, ...change }));
    return () => assertImage(manifest, "example.com/web");
  };
  expect(
    parse({ config: descriptor("application/vnd.oci.empty.v1+json"), artifactType: "application/x.sbom" }),
  ).toThrow(
    expect.objectContaining({ code: "MANIFEST_UNSUPPORTED", message: expect.stringContaining("application/x.sbom") }),
  );
  const foreign = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
  expect(parse({ layers: [LAYER, foreign] })).toThrow(
    expect.objectContaining({
      code: "MANIFEST_UNSUPPORTED",
      message: expect.stringMatching(/layers\[1\] is a foreign layer/),
    }),
  );
  expect(parse({ layers: [descriptor("application/vnd.in-toto+json")] })).toThrow(code("MANIFEST_UNSUPPORTED"));
  expect(parse({ layers: [descriptor(types.DOCKER_LAYER_GZIP)] })).not.toThrow();
});
