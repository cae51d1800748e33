import type { ImageFormat } from "./media-type.ts";
import { formatPlatformFull, platformsEqual } from "./platform.ts";
import type { Platform } from "./platform.ts";

/** Where an annotation goes: into a document, or into the descriptor that names it. */
export const ANNOTATION_SCOPES = ["manifest", "index", "manifest-descriptor", "index-descriptor"] as const;

export interface Annotation {
  readonly scope: (typeof ANNOTATION_SCOPES)[number];
  /** Of manifests and their descriptors: this platform's alone. */
  readonly platform?: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

type Annotations = Readonly<Record<string, string>>;

/**
 * What `annotations` say in one scope: those of no platform, then the platform's own over them. Of an
 * index and its descriptor every one counts. Undefined where there are none.
 */
export function annotationsOf(
  annotations: readonly Annotation[],
  scope: Annotation["scope"],
  platform?: Platform,
): Annotations | undefined {
  const all = annotations.filter((annotation) => annotation.scope === scope);
  const isOfIndex = scope === "index" || scope === "index-descriptor";
  const common = all.filter((annotation) => isOfIndex || annotation.platform === undefined);
  const own = isOfIndex ? [] : all.filter((one) => one.platform && platform && platformsEqual(one.platform, platform));
  const chosen = [...common, ...own];
  return chosen.length === 0 ? undefined : Object.fromEntries(chosen.map(({ key, value }) => [key, value]));
}

/** Docker's documents have no place for these, so BuildKit writes OCI ones then. */
export function needsOciFormat(annotations: readonly Annotation[], format: ImageFormat): boolean {
  return format === "docker" && annotations.some(({ scope }) => scope !== "manifest");
}

/** The first annotation that no image of `platforms` can take, with why. */
export function misplacedAnnotation(
  annotations: readonly Annotation[],
  platforms: readonly Platform[],
): string | undefined {
  for (const { scope, platform, key } of annotations) {
    if (platform !== undefined && !platforms.some((one) => platformsEqual(one, platform)))
      return `annotation ${key}: ${formatPlatformFull(platform)} is not among the platforms of the build`;
    if (platforms.length === 1 && (scope === "index" || scope === "index-descriptor"))
      return `annotation ${key}: an image of one platform has no index`;
  }
  return undefined;
}
