import { AppError } from "../base/errors.ts";
import type { Descriptor } from "./descriptor.ts";
import { descriptorsOf, readManifestDocument, sharedMembers } from "./manifest-document.ts";
import type { ManifestDocument, SharedMembers } from "./manifest-document.ts";
import { ATTESTATION_TYPE, ATTESTATION_TYPE_ANNOTATION } from "./media-type.ts";
import { matchPlatform } from "./platform-match.ts";
import type { Platform } from "./platform.ts";

/** An image index or docker manifest list: one image for several platforms. */
export interface ImageIndex extends SharedMembers {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
}

/** As `parseManifest`, for an index. */
export function parseIndex(bytes: Uint8Array, contentType?: string, what = "index"): ImageIndex {
  const document = readManifestDocument(bytes, contentType, what);
  if (document.kind === "index") return parseIndexDocument(document);
  throw new AppError(
    "MANIFEST_INVALID",
    `${what} is the manifest of one image (${document.mediaType}), expected an index`,
  );
}

export function parseIndexDocument(document: ManifestDocument): ImageIndex {
  const { mediaType } = document;
  return { kind: "index", mediaType, manifests: descriptorsOf(document, "manifests"), ...sharedMembers(document) };
}

/**
 * What an index offers for `platform`, best first, as containerd orders it: members that match, the
 * index's order among equals. A member without a platform may be anything and comes last; the caller
 * reads its config to know. Attestations are never among them.
 */
export function selectManifests(index: ImageIndex, platform: Platform): Descriptor[] {
  const matcher = matchPlatform(platform);
  const images = index.manifests.filter((descriptor) => !isAttestation(descriptor));
  const matching = images.flatMap((descriptor) =>
    descriptor.platform && matcher.matches(descriptor.platform) ? [{ descriptor, platform: descriptor.platform }] : [],
  );
  matching.sort((a, b) => matcher.compare(a.platform, b.platform));
  const open = images.filter((descriptor) => descriptor.platform === undefined);
  return [...matching.map(({ descriptor }) => descriptor), ...open];
}

/** The platforms an index says it has images for, in its order. */
export function indexPlatforms(index: ImageIndex): Platform[] {
  return index.manifests.flatMap((descriptor) =>
    descriptor.platform && !isAttestation(descriptor) ? [descriptor.platform] : [],
  );
}

/** BuildKit's provenance and SBOM manifests, which ride in an index as `unknown/unknown`. */
export function isAttestation(descriptor: Descriptor): boolean {
  return (
    descriptor.annotations?.[ATTESTATION_TYPE_ANNOTATION] === ATTESTATION_TYPE ||
    (descriptor.platform?.os === "unknown" && descriptor.platform.architecture === "unknown")
  );
}
