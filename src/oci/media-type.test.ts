import { expect, test } from "vitest";
import * as types from "./media-type.ts";

const EMPTY = "application/vnd.oci.empty.v1+json";

test("every type has one kind", () => {
  const kinds = [
    types.isIndexType,
    types.isManifestType,
    types.isConfigType,
    types.isLayerType,
    types.isForeignLayerType,
  ];
  const table = [
    [types.OCI_INDEX, types.DOCKER_INDEX],
    [types.OCI_MANIFEST, types.DOCKER_MANIFEST],
    [types.OCI_CONFIG, types.DOCKER_CONFIG],
    [types.OCI_LAYER, types.OCI_LAYER_GZIP, types.OCI_LAYER_ZSTD, types.DOCKER_LAYER, types.DOCKER_LAYER_GZIP],
    [
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
  ];
  for (const [row, names] of table.entries()) {
    for (const name of names) expect(kinds.findIndex((is) => is(name))).toBe(row);
    for (const name of names) expect(kinds.filter((is) => is(name))).toHaveLength(1);
  }
  expect(kinds.some((is) => is(EMPTY) || is(types.DOCKER_SCHEMA1_SIGNED) || is(""))).toBe(false);
});

test("compression is read from the type, and only from those of layers", () => {
  expect(types.layerCompression(types.OCI_LAYER)).toBe("none");
  expect(types.layerCompression(types.OCI_LAYER_ZSTD)).toBe("zstd");
  expect(types.layerCompression(types.DOCKER_LAYER_GZIP)).toBe("gzip");
  expect(types.layerCompression("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")).toBeUndefined();
  expect(types.layerCompression(types.OCI_CONFIG)).toBeUndefined();
});

test("layer types convert between the families, zstd to OCI only", () => {
  for (const compression of ["gzip", "none"] as const) {
    const docker = types.layerType("docker", compression);
    const oci = types.layerType("oci", compression);
    expect(types.convertLayerType(docker, "oci")).toBe(oci);
    expect(types.convertLayerType(oci, "docker")).toBe(docker);
    expect(types.convertLayerType(oci, "oci")).toBe(oci);
    expect([types.formatOf(docker), types.formatOf(oci)]).toEqual(["docker", "oci"]);
  }
  const unsupported = expect.objectContaining({ code: "MEDIA_TYPE_UNSUPPORTED" });
  expect(() => types.convertLayerType(types.OCI_LAYER_ZSTD, "docker")).toThrow(unsupported);
  expect(() => types.layerType("docker", "zstd")).toThrow(unsupported);
  expect(() => types.convertLayerType(EMPTY, "oci")).toThrow(unsupported);
});

test("a family names its documents", () => {
  for (const format of ["oci", "docker"] as const) {
    for (const type of [types.indexType(format), types.manifestType(format), types.configType(format)]) {
      expect(types.formatOf(type)).toBe(format);
    }
  }
  expect(types.formatOf("application/json")).toBeUndefined();
});
