import { encodeConfig, encodeIndex, encodeManifest } from "../oci/serialise.ts";
import { annotationsOf, type Annotation } from "../oci/annotation.ts";
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
  /** RFC 3339; undefined where nothing of the image has a time. */
  readonly created: string | undefined;
  readonly format: ImageFormat;
  readonly annotations: readonly Annotation[];
}

/** Writes config and manifest of one platform: pure, so equal parts give equal digests. */
export function assembleImage(parts: ImageParts): Image {
  const { platform, config, layers, history, created, format, annotations } = parts;
  const configBytes = encodeConfig({
    ...config,
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
    annotations: annotationsOf(annotations, "manifest", platform),
  });
  const described = annotationsOf(annotations, "manifest-descriptor", platform);
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
        ...(described && { annotations: described }),
      },
      bytes: manifestBytes,
    },
  };
}

/** The index of several platforms' images, in their order. */
export function assembleIndex(
  images: readonly Image[],
  { format, annotations }: Pick<ImageParts, "format" | "annotations">,
): Document {
  const mediaType = indexType(format);
  const bytes = encodeIndex({
    kind: "index",
    mediaType,
    manifests: images.map((image) => image.manifest.descriptor),
    annotations: annotationsOf(annotations, "index"),
  });
  const described = annotationsOf(annotations, "index-descriptor");
  return {
    descriptor: {
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
      ...(described && { annotations: described }),
    },
    bytes,
  };
}
