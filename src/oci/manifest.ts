import { AppError } from "../base/errors.ts";
import { parseDescriptor } from "./descriptor.ts";
import type { Descriptor } from "./descriptor.ts";
import { parseIndexDocument } from "./image-index.ts";
import type { ImageIndex } from "./image-index.ts";
import { descriptorsOf, readManifestDocument, sharedMembers } from "./manifest-document.ts";
import type { ManifestDocument, SharedMembers } from "./manifest-document.ts";
import { isConfigType, isForeignLayerType, isLayerType } from "./media-type.ts";

/** The manifest of one image, or of an artifact. Its bytes are kept beside it: they are never written again from this. */
export interface ImageManifest extends SharedMembers {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly config: Descriptor;
  /** Lowest first; may be empty. */
  readonly layers: readonly Descriptor[];
}

/**
 * Reads a manifest as a registry sent it. `contentType` is the answer's Content-Type, which must agree
 * with the body; `what` names the document in messages. Optional members may be null. Throws
 * `JSON_INVALID`, `MANIFEST_INVALID`, `DESCRIPTOR_INVALID`, `MANIFEST_UNSUPPORTED`.
 */
export function parseManifest(bytes: Uint8Array, contentType?: string, what = "manifest"): ImageManifest {
  const document = readManifestDocument(bytes, contentType, what);
  if (document.kind === "manifest") return parseManifestDocument(document);
  throw new AppError(
    "MANIFEST_INVALID",
    `${what} is an index (${document.mediaType}), expected the manifest of one image`,
  );
}

/** Reads whichever of the two a registry sent. */
export function parseManifestOrIndex(
  bytes: Uint8Array,
  contentType?: string,
  what = "manifest",
): ImageManifest | ImageIndex {
  const document = readManifestDocument(bytes, contentType, what);
  return document.kind === "index" ? parseIndexDocument(document) : parseManifestDocument(document);
}

/**
 * Throws `MANIFEST_UNSUPPORTED` unless `manifest` is an image that can be run and built on: an image
 * config, and layers that are in the registry and that we can read.
 */
export function assertImage(manifest: ImageManifest, what = "manifest"): void {
  if (!isConfigType(manifest.config.mediaType)) {
    const type = manifest.artifactType ?? manifest.config.mediaType;
    throw new AppError("MANIFEST_UNSUPPORTED", `${what} is an artifact of type ${type}, expected an image`, {
      hint: "Name an image; an artifact (a chart, a signature, an SBOM) has no file system.",
    });
  }
  for (const [index, layer] of manifest.layers.entries()) {
    if (isLayerType(layer.mediaType)) continue;
    const isForeign = isForeignLayerType(layer.mediaType);
    throw new AppError(
      "MANIFEST_UNSUPPORTED",
      `${what}.layers[${index}] is ${isForeign ? "a foreign layer" : "no layer that can be read"}: ${layer.mediaType}`,
      { hint: isForeign ? "Use a base image whose layers are all in the registry." : undefined },
    );
  }
}

function parseManifestDocument(document: ManifestDocument): ImageManifest {
  const { object, mediaType, where } = document;
  const layers = descriptorsOf(document, "layers");
  const config = parseDescriptor(object["config"], `${where.path}.config`);
  return { kind: "manifest", mediaType, config, layers, ...sharedMembers(document) };
}
