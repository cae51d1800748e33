import { AppError } from "../base/errors.ts";

/** The two families of image documents. They do not mix inside one image. */
export type ImageFormat = "oci" | "docker";
export type LayerCompression = "gzip" | "zstd" | "none";

export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_CONFIG = "application/vnd.oci.image.config.v1+json";
export const OCI_LAYER = "application/vnd.oci.image.layer.v1.tar";
export const OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip";
export const OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd";

export const DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
export const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar";
export const DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/** Of the first registry protocol; read nowhere any more, known so that it can be refused by name. */
export const DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json";
export const DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/** By which BuildKit marks an attestation manifest inside an index. */
export const ATTESTATION_TYPE_ANNOTATION = "vnd.docker.reference.type";
export const ATTESTATION_TYPE = "attestation-manifest";

/** What to send as Accept for a manifest: schema 1 last, to be told of it by name instead of "not found". */
export const MANIFEST_ACCEPT: readonly string[] = [
  OCI_INDEX,
  OCI_MANIFEST,
  DOCKER_INDEX,
  DOCKER_MANIFEST,
  DOCKER_SCHEMA1_SIGNED,
];

interface LayerKind {
  readonly format: ImageFormat;
  readonly compression: LayerCompression;
}

const LAYER_KINDS: ReadonlyMap<string, LayerKind> = new Map([
  [OCI_LAYER, { format: "oci", compression: "none" }],
  [OCI_LAYER_GZIP, { format: "oci", compression: "gzip" }],
  [OCI_LAYER_ZSTD, { format: "oci", compression: "zstd" }],
  [DOCKER_LAYER, { format: "docker", compression: "none" }],
  [DOCKER_LAYER_GZIP, { format: "docker", compression: "gzip" }],
]);

export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_INDEX;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST;
}

export function isConfigType(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
}

/** A layer that we can read: not a foreign one, which is not in the registry that names it. */
export function isLayerType(mediaType: string): boolean {
  return LAYER_KINDS.has(mediaType);
}

/** Layers that are fetched from elsewhere (`urls`) and must not be pushed: Windows bases of old. */
export function isForeignLayerType(mediaType: string): boolean {
  return (
    mediaType.startsWith("application/vnd.oci.image.layer.nondistributable.v1.tar") ||
    mediaType.startsWith("application/vnd.docker.image.rootfs.foreign.diff.tar")
  );
}

export function isSchema1Type(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED;
}

/** How a layer's bytes are compressed; undefined where `mediaType` is no layer that we read. */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  return LAYER_KINDS.get(mediaType)?.compression;
}

/** The family of a manifest, index, config or layer type; undefined for any other. */
export function formatOf(mediaType: string): ImageFormat | undefined {
  if (mediaType === OCI_INDEX || mediaType === OCI_MANIFEST || mediaType === OCI_CONFIG) return "oci";
  if (mediaType === DOCKER_INDEX || mediaType === DOCKER_MANIFEST || mediaType === DOCKER_CONFIG) return "docker";
  return LAYER_KINDS.get(mediaType)?.format;
}

export function indexType(format: ImageFormat): string {
  return format === "oci" ? OCI_INDEX : DOCKER_INDEX;
}

export function manifestType(format: ImageFormat): string {
  return format === "oci" ? OCI_MANIFEST : DOCKER_MANIFEST;
}

export function configType(format: ImageFormat): string {
  return format === "oci" ? OCI_CONFIG : DOCKER_CONFIG;
}

/** Throws `MEDIA_TYPE_UNSUPPORTED` for zstd in the docker format, which has no name for it. */
export function layerType(format: ImageFormat, compression: LayerCompression): string {
  for (const [mediaType, kind] of LAYER_KINDS) {
    if (kind.format === format && kind.compression === compression) return mediaType;
  }
  throw new AppError("MEDIA_TYPE_UNSUPPORTED", `the ${format} format has no media type for ${compression} layers`, {
    hint: "Use OCI media types (oci-mediatypes=true) or gzip compression.",
  });
}

/** The same layer's type in the other family. Throws `MEDIA_TYPE_UNSUPPORTED` where there is none. */
export function convertLayerType(mediaType: string, format: ImageFormat): string {
  const kind = LAYER_KINDS.get(mediaType);
  if (kind === undefined) {
    throw new AppError("MEDIA_TYPE_UNSUPPORTED", `${JSON.stringify(mediaType)} is not the type of an image layer`);
  }
  return kind.format === format ? mediaType : layerType(format, kind.compression);
}
