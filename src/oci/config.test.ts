import { expect, test } from "vitest";
import { assertDiffIds, parseConfig } from "./config.ts";
import { digestOf } from "./digest.ts";
import type { ImageManifest } from "./manifest.ts";
import { OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from "./media-type.ts";

const DIFF_ID = digestOf(Buffer.from("layer"));
const MINIMAL = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [DIFF_ID] } };
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const INVALID = expect.objectContaining({ code: "CONFIG_INVALID" });

test("a config that docker made is read whole", () => {
  const docker = {
    architecture: "arm",
    variant: "v7",
    os: "linux",
    "os.version": "1",
    "os.features": ["x"],
    created: "2026-01-31T10:20:30.123456789Z",
    author: "someone",
    config: {
      Hostname: "",
      User: "65532:65532",
      ExposedPorts: { "8080/tcp": {}, "53/udp": null },
      Env: ["PATH=/bin", "A=b=c"],
      Entrypoint: ["/app"],
      Cmd: null,
      Volumes: { "/data": {} },
      WorkingDir: "/",
      Labels: { Maintainer: "a", maintainer: "b" },
      StopSignal: "SIGTERM",
      Healthcheck: { Test: ["CMD", "/app", "ping"], Interval: 30000000000, Retries: 3 },
      OnBuild: null,
      Shell: ["/bin/sh", "-c"],
    },
    rootfs: { type: "layers", diff_ids: [DIFF_ID] },
    history: [
      { created: "2026-01-31T10:20:30+02:00", created_by: "COPY . . # buildkit", comment: "buildkit.dockerfile.v0" },
      { created_by: "ENV A=b", empty_layer: true, author: "someone" },
      { created_by: "X", empty_layer: false },
    ],
    docker_version: "27",
    "moby.buildkit.cache.v0": "eyJ9",
  };
  const config = parseConfig(bytes(docker));
  expect(config).toEqual({
    os: "linux",
    architecture: "arm",
    variant: "v7",
    osVersion: "1",
    osFeatures: ["x"],
    created: docker.created,
    author: "someone",
    config: {
      User: "65532:65532",
      ExposedPorts: { "8080/tcp": {}, "53/udp": {} },
      Env: ["PATH=/bin", "A=b=c"],
      Entrypoint: ["/app"],
      Volumes: { "/data": {} },
      WorkingDir: "/",
      Labels: { Maintainer: "a", maintainer: "b" },
      StopSignal: "SIGTERM",
      Healthcheck: { Test: ["CMD", "/app", "ping"], Interval: 30000000000, Retries: 3 },
      Shell: ["/bin/sh", "-c"],
      other: { Hostname: "" },
    },
    rootfs: { type: "layers", diff_ids: [DIFF_ID] },
    history: [docker.history[0], docker.history[1], { created_by: "X" }],
    other: { docker_version: "27", "moby.buildkit.cache.v0": "eyJ9" },
  });
});

test("what is optional may be absent or null", () => {
  const expected = { os: "linux", architecture: "amd64", config: {}, rootfs: MINIMAL.rootfs, history: [] };
  expect(parseConfig(bytes(MINIMAL))).toEqual(expected);
  const nulls = { created: null, author: null, variant: null, config: null, history: null, "os.features": null };
  expect(parseConfig(bytes({ ...MINIMAL, ...nulls }))).toEqual(expected);
  expect(parseConfig(bytes({ ...MINIMAL, rootfs: { type: "layers", diff_ids: null } })).rootfs.diff_ids).toEqual([]);
});

test.each([
  ["no rootfs", { rootfs: undefined }],
  ["no diff_ids", { rootfs: { type: "layers" } }],
  ["a rootfs of another type", { rootfs: { type: "base", diff_ids: [] } }],
  ["a rootfs without type", { rootfs: { diff_ids: [] } }],
  ["a diffID that is a path", { rootfs: { type: "layers", diff_ids: ["sha256:../x"] } }],
  ["a diffID that is a number", { rootfs: { type: "layers", diff_ids: [1] } }],
  ["diff_ids in another case", { rootfs: { type: "layers", Diff_IDs: [DIFF_ID] } }],
  ["no architecture", { architecture: undefined }],
  ["no os", { os: null }],
  ["an os that is a number", { os: 1 }],
  ["a config that is a list", { config: [] }],
  ["Config beside config", { config: undefined, Config: {} }],
  ["env beside Env", { config: { env: ["A=b"] } }],
  ["Env that is a string", { config: { Env: "A=b" } }],
  ["Env of numbers", { config: { Env: [1] } }],
  ["an Entrypoint that is a string", { config: { Entrypoint: "/app" } }],
  ["Labels that are no strings", { config: { Labels: { a: 1 } } }],
  ["ExposedPorts that are a list", { config: { ExposedPorts: ["80"] } }],
  ["a Volume that is a string", { config: { Volumes: { "/data": "x" } } }],
  ["a Healthcheck of texts", { config: { Healthcheck: { Interval: "30s" } } }],
  ["history that is an object", { history: {} }],
  ["history of strings", { history: ["RUN"] }],
  ["a time that is none", { created: "yesterday" }],
  ["an impossible time", { created: "2026-13-01T00:00:00Z" }],
  ["a time without zone", { created: "2026-01-01T00:00:00" }],
  ["a time in history that is none", { history: [{ created: "2026" }] }],
  ["empty_layer in quotes", { history: [{ empty_layer: "true" }] }],
])("%s is refused", (_, change) => {
  expect(() => parseConfig(bytes({ ...MINIMAL, ...change }))).toThrow(INVALID);
});

test("the layers of the manifest and of the config are counted", () => {
  const config = parseConfig(bytes(MINIMAL));
  const descriptor = { mediaType: OCI_LAYER, digest: DIFF_ID, size: 1 };
  const manifest = (count: number): ImageManifest => ({
    kind: "manifest",
    mediaType: OCI_MANIFEST,
    config: { ...descriptor, mediaType: OCI_CONFIG },
    layers: Array.from({ length: count }, () => descriptor),
  });
  expect(() => assertDiffIds(config, manifest(1))).not.toThrow();
  expect(() => assertDiffIds(config, manifest(0))).toThrow(INVALID);
  expect(() => assertDiffIds(config, manifest(2))).toThrow(
    expect.objectContaining({ message: expect.stringContaining("1 diff_ids, expected 2") }),
  );
});
