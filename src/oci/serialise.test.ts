import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "./config.ts";
import type { ImageConfig } from "./config.ts";
import { describeBytes } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { digestOf } from "./digest.ts";
import { parseIndex } from "./image-index.ts";
import type { ImageIndex } from "./image-index.ts";
import { parseManifest, parseManifestOrIndex } from "./manifest.ts";
import type { ImageManifest } from "./manifest.ts";
import * as types from "./media-type.ts";
import { encodeConfig, encodeIndex, encodeManifest } from "./serialise.ts";

const layer = describeBytes(Buffer.from("layer"), types.OCI_LAYER_GZIP);
const MANIFEST: ImageManifest = {
  kind: "manifest",
  mediaType: types.OCI_MANIFEST,
  config: describeBytes(Buffer.from("{}"), types.OCI_CONFIG),
  layers: [layer],
  annotations: { "org.opencontainers.image.version": "1", "org.opencontainers.image.base.name": "alpine" },
};
const INDEX: ImageIndex = {
  kind: "index",
  mediaType: types.OCI_INDEX,
  manifests: [
    {
      ...describeBytes(Buffer.from("m"), types.OCI_MANIFEST),
      platform: { os: "linux", architecture: "arm", variant: "v7" },
    },
  ],
};
const CONFIG: ImageConfig = {
  os: "linux",
  architecture: "arm",
  variant: "v7",
  created: "1970-01-01T00:00:00Z",
  config: {
    Labels: { b: "2", a: "1" },
    Env: ["PATH=/bin"],
    Entrypoint: ["/app"],
    ExposedPorts: { "8080/tcp": {} },
    other: { Hostname: "h" },
  },
  rootfs: { type: "layers", diff_ids: [layer.digest] },
  history: [{ created: "1970-01-01T00:00:00Z", created_by: "COPY /app /app # buildkit" }],
  other: { docker_version: "27" },
};

test("a manifest is written as BuildKit writes it", () => {
  expect(Buffer.from(encodeManifest(MANIFEST)).toString()).toMatchInlineSnapshot(`
    "{
      "schemaVersion": 2,
      "mediaType": "application/vnd.oci.image.manifest.v1+json",
      "config": {
        "mediaType": "application/vnd.oci.image.config.v1+json",
        "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "size": 2
      },
      "layers": [
        {
          "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
          "digest": "sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85",
          "size": 5
        }
      ],
      "annotations": {
        "org.opencontainers.image.base.name": "alpine",
        "org.opencontainers.image.version": "1"
      }
    }"
  `);
});

test("an index is written as BuildKit writes it", () => {
  expect(Buffer.from(encodeIndex(INDEX)).toString()).toMatchInlineSnapshot(`
    "{
      "schemaVersion": 2,
      "mediaType": "application/vnd.oci.image.index.v1+json",
      "manifests": [
        {
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "digest": "sha256:62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a",
          "size": 1,
          "platform": {
            "architecture": "arm",
            "os": "linux",
            "variant": "v7"
          }
        }
      ]
    }"
  `);
});

test("a config is written on one line, its members sorted", () => {
  expect(Buffer.from(encodeConfig(CONFIG)).toString()).toMatchInlineSnapshot(
    `"{"architecture":"arm","config":{"ExposedPorts":{"8080/tcp":{}},"Env":["PATH=/bin"],"Entrypoint":["/app"],"Labels":{"a":"1","b":"2"},"Hostname":"h"},"created":"1970-01-01T00:00:00Z","docker_version":"27","history":[{"created":"1970-01-01T00:00:00Z","created_by":"COPY /app /app # buildkit"}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85"]},"variant":"v7"}"`,
  );
});

test("the order in which a value was made does not show", () => {
  const reversed = (value: object): object => Object.fromEntries(Object.entries(value).reverse());
  const config = reversed({
    ...CONFIG,
    config: reversed({ ...CONFIG.config, Labels: { a: "1", b: "2" } }),
  }) as ImageConfig;
  expect(encodeConfig(config)).toEqual(encodeConfig(CONFIG));
  const manifest = reversed({
    ...MANIFEST,
    layers: [reversed(layer)],
    annotations: reversed(MANIFEST.annotations ?? {}),
  });
  expect(encodeManifest(manifest as ImageManifest)).toEqual(encodeManifest(MANIFEST));
});

test("unknown members of a base never replace known ones", () => {
  const config: ImageConfig = {
    ...CONFIG,
    other: { os: "plan9", rootfs: {} },
    config: { Env: ["A=b"], other: { Labels: {} } },
  };
  expect(parseConfig(encodeConfig(config))).toMatchObject({ os: "linux", rootfs: CONFIG.rootfs });
});

const name = fc.stringMatching(/^[a-z][a-z0-9.]{0,8}$/);
const strings = fc.array(fc.string({ unit: "grapheme" }), { maxLength: 3 });
const map = fc.dictionary(name, fc.string({ unit: "grapheme" }), { minKeys: 1, maxKeys: 3 });
const digest = fc.string().map((text) => digestOf(Buffer.from(text)));
const descriptor = (mediaType: fc.Arbitrary<string>): fc.Arbitrary<Descriptor> =>
  fc.record(
    {
      mediaType,
      digest,
      size: fc.maxSafeNat(),
      annotations: map,
      urls: fc.array(fc.webUrl(), { minLength: 1, maxLength: 2 }),
      platform: fc.record(
        { os: name, architecture: name, variant: name, osVersion: name },
        { requiredKeys: ["os", "architecture"] },
      ),
      artifactType: fc.constant("application/x.thing"),
      data: fc.base64String({ minLength: 4 }),
    },
    { requiredKeys: ["mediaType", "digest", "size"] },
  );
const layerTypes = fc.constantFrom(types.OCI_LAYER, types.OCI_LAYER_GZIP, types.OCI_LAYER_ZSTD);
const manifests: fc.Arbitrary<ImageManifest> = fc.record(
  {
    kind: fc.constant("manifest" as const),
    mediaType: fc.constantFrom(types.OCI_MANIFEST, types.DOCKER_MANIFEST),
    config: descriptor(fc.constant(types.OCI_CONFIG)),
    layers: fc.array(descriptor(layerTypes), { minLength: 1, maxLength: 4 }),
    annotations: map,
    artifactType: fc.constant("application/x.thing"),
    subject: descriptor(fc.constant(types.OCI_MANIFEST)),
  },
  { requiredKeys: ["kind", "mediaType", "config", "layers"] },
);
const indexes: fc.Arbitrary<ImageIndex> = fc.record(
  {
    kind: fc.constant("index" as const),
    mediaType: fc.constantFrom(types.OCI_INDEX, types.DOCKER_INDEX),
    manifests: fc.array(descriptor(fc.constant(types.OCI_MANIFEST)), { maxLength: 4 }),
    annotations: map,
    subject: descriptor(fc.constant(types.OCI_MANIFEST)),
  },
  { requiredKeys: ["kind", "mediaType", "manifests"] },
);
const time = fc
  .date({ min: new Date(0), max: new Date("2200-01-01"), noInvalidDate: true })
  .map((date) => date.toISOString());
const empties = fc.dictionary(name, fc.constant({}), { minKeys: 1, maxKeys: 3 });
const configs: fc.Arbitrary<ImageConfig> = fc.record(
  {
    os: name,
    architecture: name,
    variant: name,
    created: time,
    author: name,
    config: fc.record(
      {
        User: name,
        Env: strings,
        Entrypoint: strings,
        Cmd: strings,
        WorkingDir: name,
        Labels: map,
        ExposedPorts: empties,
        Volumes: empties,
        StopSignal: name,
        Shell: strings,
        other: fc.record({ Hostname: name }),
      },
      { requiredKeys: [] },
    ),
    rootfs: fc.record({ type: fc.constant("layers" as const), diff_ids: fc.array(digest, { maxLength: 3 }) }),
    history: fc.array(
      fc.record(
        { created: time, created_by: name, comment: name, author: name, empty_layer: fc.constant(true) },
        { requiredKeys: [] },
      ),
    ),
    other: fc.record({ docker_version: name }),
  },
  { requiredKeys: ["os", "architecture", "config", "rootfs", "history"] },
);

test("what is written reads back", () => {
  fc.assert(
    fc.property(manifests, indexes, configs, (manifest, index, config) => {
      expect(parseManifest(encodeManifest(manifest), manifest.mediaType)).toEqual(manifest);
      expect(parseIndex(encodeIndex(index), index.mediaType)).toEqual(index);
      expect(parseConfig(encodeConfig(config))).toEqual(config);
    }),
  );
});

const SCHEMAS = new URL("../../../shared/conformance/schemas/oci/", import.meta.url);
const hasSchemas = existsSync(SCHEMAS);
if (!hasSchemas) console.warn(`skipped: the image-spec schemas are not at ${SCHEMAS.pathname}`);

describe.skipIf(!hasSchemas)("against the schemas of the image-spec", () => {
  type Validate = (value: unknown) => boolean;

  /** The schemas name each other by file; their `id`s do not say so. */
  function compile(file: string): Validate {
    const require = createRequire(import.meta.url);
    const Ajv = require("ajv-draft-04") as new (options: object) => {
      addSchema(s: object, key: string): void;
      compile(s: object): Validate;
    };
    const load = (at: string): object =>
      JSON.parse(
        readFileSync(new URL(at, SCHEMAS), "utf8")
          .replaceAll(/"id": "[^"]*",?/g, "")
          .replaceAll(/,(\s*})/g, "$1"),
      );
    const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
    const ajv = new Ajv({ strict: false, formats: { uri: /^[a-z]+:/, "date-time": isTime } });
    for (const shared of ["defs.json", "defs-descriptor.json", "content-descriptor.json"]) {
      if (shared !== file) ajv.addSchema(load(shared), shared);
    }
    return ajv.compile(load(file));
  }

  test("what is written is valid", () => {
    const [manifest, index, config] = [
      "image-manifest-schema.json",
      "image-index-schema.json",
      "config-schema.json",
    ].map(compile);
    const read = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());
    fc.assert(
      fc.property(manifests, indexes, configs, (m, i, c) => {
        expect(manifest?.(read(encodeManifest(m)))).toBe(true);
        expect(index?.(read(encodeIndex(i)))).toBe(true);
        expect(config?.(read(encodeConfig(c)))).toBe(true);
      }),
    );
  });

  test("what the schemas refuse is refused here", () => {
    const base = { manifest: MANIFEST, index: INDEX, config: CONFIG };
    const read = {
      manifest: {
        validate: compile("image-manifest-schema.json"),
        parse: parseManifestOrIndex,
        bytes: encodeManifest(base.manifest),
      },
      index: {
        validate: compile("image-index-schema.json"),
        parse: parseManifestOrIndex,
        bytes: encodeIndex(base.index),
      },
      config: { validate: compile("config-schema.json"), parse: parseConfig, bytes: encodeConfig(base.config) },
    };
    const values = fc.constantFrom<unknown>(
      undefined,
      1,
      -1,
      1.5,
      true,
      "",
      "x",
      "a/b",
      [],
      ["x"],
      [1],
      {},
      { a: 1 },
      { a: {} },
    );
    let refused = 0;
    for (const { validate, parse, bytes } of Object.values(read)) {
      const document: unknown = JSON.parse(Buffer.from(bytes).toString());
      expect(validate(document)).toBe(true);
      fc.assert(
        fc.property(fc.constantFrom(...paths(document)), values, (path, value) => {
          const text = JSON.stringify(replaced(document, path, value));
          const changed: unknown = JSON.parse(text);
          if (validate(changed)) return;
          if (isTolerated(path, value)) return;
          refused++;
          expect(() => parse(Buffer.from(text))).toThrow(
            expect.objectContaining({ code: expect.stringMatching(/INVALID|UNSUPPORTED/) }),
          );
        }),
        { numRuns: 600 },
      );
    }
    expect(refused).toBeGreaterThan(300);
  });

  /**
   * An image without layers is what `FROM scratch` makes, and every registry takes it. A member whose
   * platform lacks names must not spoil the rest of an index: it matches nothing.
   */
  function isTolerated(path: readonly string[], value: unknown): boolean {
    if (path.length === 1 && path[0] === "layers") return Array.isArray(value) && value.length === 0;
    return path[2] === "platform" && (value === undefined || (typeof value === "object" && !Array.isArray(value)));
  }

  function paths(value: unknown): string[][] {
    if (typeof value !== "object" || value === null) return [];
    return Object.entries(value).flatMap(([key, member]) => [[key], ...paths(member).map((rest) => [key, ...rest])]);
  }

  function replaced(document: unknown, [key = "", ...rest]: readonly string[], value: unknown): unknown {
    const copy = structuredClone(document) as Record<string, unknown>;
    copy[key] = rest.length === 0 ? value : replaced(copy[key], rest, value);
    return copy;
  }
});
