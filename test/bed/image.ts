import { MEDIA, putBlob, putJson, type Descriptor, type Layer, type PlatformFields } from "./blobs.ts";

export interface ImageSpec {
  readonly platform: PlatformFields;
  readonly layers: readonly { readonly layer: Layer; readonly by: string }[];
  /** The `config` object of the image: Env, User, WorkingDir, Entrypoint, Cmd, Labels. */
  readonly config: Readonly<Record<string, unknown>>;
  /** History entries that made no layer, in order, after those of the layers. */
  readonly emptyHistory?: readonly string[];
}

/** One name of an image and, per platform, its manifest; what the index is written from. */
export interface NamedManifest {
  readonly repository: string;
  readonly tags: readonly string[];
  /** The platform's manifest first, then those that speak about it. */
  readonly manifests: readonly Descriptor[];
}

const CREATED = "2026-11-01T00:00:00Z";

/** Writes config and manifest of one platform's image. */
export function putImage(store: string, spec: ImageSpec): Descriptor {
  const config = putJson(store, MEDIA.config, {
    created: CREATED,
    ...spec.platform,
    config: spec.config,
    rootfs: { type: "layers", diff_ids: spec.layers.map((entry) => entry.layer.diffId) },
    history: [
      ...spec.layers.map((entry) => ({ created: CREATED, created_by: entry.by, comment: "manyarch test bed" })),
      ...(spec.emptyHistory ?? []).map((by) => ({ created: CREATED, created_by: by, empty_layer: true })),
    ],
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config,
    layers: spec.layers.map((entry) => entry.layer.descriptor),
  };
  return { ...putJson(store, MEDIA.manifest, manifest), platform: spec.platform };
}

/** The attestation manifest that official images carry beside each platform: platform `unknown/unknown`. */
export function putAttestation(store: string, subject: Descriptor): Descriptor {
  const [algorithm = "", hex = ""] = subject.digest.split(":");
  const statement = {
    _type: "https://in-toto.io/Statement/v0.1",
    predicateType: "https://slsa.dev/provenance/v0.2",
    subject: [{ name: "manyarch-test-bed", digest: { [algorithm]: hex } }],
    predicate: { builder: { id: "manyarch test bed" }, buildType: "manyarch-test-bed" },
  };
  const layer = putBlob(store, MEDIA.inToto, Buffer.from(JSON.stringify(statement)));
  const platform = { architecture: "unknown", os: "unknown" };
  const config = putJson(store, MEDIA.config, {
    ...platform,
    config: {},
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const annotated = { ...layer, annotations: { "in-toto.io/predicate-type": statement.predicateType } };
  const manifest = { schemaVersion: 2, mediaType: MEDIA.manifest, config, layers: [annotated] };
  return {
    ...putJson(store, MEDIA.manifest, manifest),
    platform,
    annotations: {
      "vnd.docker.reference.digest": subject.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    },
  };
}

export function putIndex(store: string, manifests: readonly Descriptor[]): Descriptor {
  return putJson(store, MEDIA.index, { schemaVersion: 2, mediaType: MEDIA.index, manifests });
}
