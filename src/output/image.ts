import { encodeConfig, encodeIndex, encodeManifest } from "../oci/serialise.ts";
import type { HistoryEntry, ImageConfig } from "../oci/config.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestOf, type Digest } from "../oci/digest.ts";
import { configType, indexType, manifestType, type ImageFormat } from "../oci/media-type.ts";
import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";

/** Where the bytes of a layer are. */
export type LayerSource =
  | { readonly kind: "store" }
  /** In the registry of the base image; brought into the store only where something must have them. */
  | { readonly kind: "registry"; readonly base: Reference; fetch(signal: AbortSignal): Promise<void> };

export interface Layer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly source: LayerSource;
}

/** A document with the descriptor that names it. */
export interface Document {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** One platform's image, ready to be written anywhere. */
export interface Image {
  readonly platform: Platform;
  readonly config: Document;
  readonly manifest: Document;
  readonly layers: readonly Layer[];
}

export interface ImageParts {
  readonly platform: Platform;
  /** Config as the instructions leave it. */
  readonly config: ImageConfig;
  readonly layers: readonly Layer[];
  readonly history: readonly HistoryEntry[];
  /** RFC 3339. */
  readonly created: string;
  readonly format: ImageFormat;
}

/** Writes config and manifest of one platform: pure, so equal parts give equal digests. */
export function assembleImage({ platform, config, layers, history, created, format }: ImageParts): Image {
  const configBytes = encodeConfig({
    ...config,
    architecture: platform.architecture,
    os: platform.os,
    variant: platform.variant,
    created,
    history,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
  });
  const configDescriptor: Descriptor = {
    mediaType: configType(format),
    digest: digestOf(configBytes),
    size: configBytes.length,
  };
  const manifestBytes = encodeManifest({
    kind: "manifest",
    mediaType: manifestType(format),
    config: configDescriptor,
    layers: layers.map((layer) => layer.descriptor),
  });
  return {
    platform,
    layers,
    config: { descriptor: configDescriptor, bytes: configBytes },
    manifest: {
      descriptor: {
        mediaType: manifestType(format),
        digest: digestOf(manifestBytes),
        size: manifestBytes.length,
        platform,
      },
      bytes: manifestBytes,
    },
  };
}

/** The index of several platforms' images, in their order. */
export function assembleIndex(images: readonly Image[], format: ImageFormat): Document {
  const mediaType = indexType(format);
  const bytes = encodeIndex({ kind: "index", mediaType, manifests: images.map((image) => image.manifest.descriptor) });
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
