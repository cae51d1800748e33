import { formatPlatform } from "../oci/platform.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import type { Document, Image } from "./image.ts";

/**
 * What `--metadata-file` holds: the field names of docker buildx where it has them, and each
 * platform's own digests, which scripts otherwise read out of the index.
 */
export function metadataOf(images: readonly Image[], index: Document | undefined, tags: readonly Reference[]): object {
  const root = index ?? images[0]?.manifest;
  if (root === undefined) throw new Error("metadata of no image");
  return {
    "containerimage.descriptor": root.descriptor,
    "containerimage.digest": root.descriptor.digest,
    ...(index === undefined &&
      images[0] !== undefined && { "containerimage.config.digest": images[0].config.descriptor.digest }),
    ...(tags.length > 0 && { "image.name": tags.map(formatReference).join(",") }),
    platforms: Object.fromEntries(
      images.map((image) => [
        formatPlatform(image.platform),
        {
          "containerimage.digest": image.manifest.descriptor.digest,
          "containerimage.config.digest": image.config.descriptor.digest,
        },
      ]),
    ),
  };
}

/** The id of an image as docker means it: of one platform the config's digest, of several the index's. */
export function imageIdOf(images: readonly Image[], index: Document | undefined): string {
  return index?.descriptor.digest ?? images[0]?.config.descriptor.digest ?? "";
}
