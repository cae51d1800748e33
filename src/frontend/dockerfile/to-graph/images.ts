import { mapLimit } from "../../../base/concurrency.ts";
import { AppError, messageOf, withSource } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { formatPlatformFull, type Platform } from "../../../oci/platform.ts";
import { formatReference } from "../../../oci/reference.ts";
import { isForeign } from "../../../plan/cross.ts";
import { wordRange } from "../errors.ts";
import { didYouMean, suggest } from "../suggest.ts";
import type { ImageBase } from "./base.ts";
import { goFamilies } from "./cross.ts";
import type { Layout } from "./layout.ts";
import type { PlanDependencies, PlanRequest, ResolvedImage } from "./request.ts";

/** The images that the targets need. */
export type ResolvedImages = (image: ImageBase) => ResolvedImage;

/** How many are asked for at once: each is a few requests to a registry. */
const PARALLEL = 8;

/**
 * Resolves each image that a reachable stage names, once for each platform; what is in `found` is known.
 * For one that is not there for a platform the machine's stands in, until {@link refuseMissing}.
 */
export async function resolveImages(
  layouts: readonly Layout[],
  dependencies: PlanDependencies,
  { signal, buildPlatform }: Pick<PlanRequest, "signal" | "buildPlatform">,
  found: Map<string, ResolvedImage> = new Map(),
): Promise<ResolvedImages> {
  const wanted = new Map<string, ImageBase>();
  for (const image of layouts.flatMap(imagesOf)) {
    if (!wanted.has(keyOf(image)) && !found.has(keyOf(image))) wanted.set(keyOf(image), image);
  }
  const names = stageNames(layouts);
  const resolve = ({ reference, platform, layout }: ImageBase, inner: AbortSignal): Promise<ResolvedImage> =>
    dependencies.resolveImage(reference, platform, inner, layout);
  await mapLimit([...wanted], PARALLEL, signal, async ([key, image], inner) => {
    try {
      found.set(key, await resolve(image, inner));
    } catch (error) {
      if (
        error instanceof AppError &&
        error.code === "MANIFEST_NO_PLATFORM" &&
        isForeign(image.platform, buildPlatform)
      ) {
        const standIn = await resolve({ ...image, platform: buildPlatform }, inner).catch(() => undefined);
        if (standIn !== undefined) return void found.set(key, { ...standIn, missing: error });
      }
      throw atName(error, image, names);
    }
  });
  return (image) => found.get(keyOf(image))!;
}

/** Throws for the first image that a stage needs, now that it is known which ones cross, and that is not there. */
export function refuseMissing(layouts: readonly Layout[], images: ResolvedImages, buildPlatform: Platform): void {
  for (const layout of layouts) {
    for (const base of imagesOf(layout)) {
      const { missing } = images(base);
      if (missing === undefined) continue;
      const { code, message, cause } = missing;
      const hint = hintFor(base, layout, images, buildPlatform) ?? missing.hint;
      throw atName(new AppError(code, message, { hint, cause }), base, stageNames(layouts));
    }
  }
}

/** A stage whose files others take may run here; undefined where it is the image, or no stage. */
function hintFor(base: ImageBase, layout: Layout, images: ResolvedImages, machine: Platform): string | undefined {
  if (base.node.name !== "FROM" || layout.goal.base === base) return undefined;
  const isGo = goFamilies(layout, images, machine).some(
    ({ root, verdict }) => root.base === base && verdict.kind === "eligible",
  );
  const crossing = isGo ? ", or build with --cross=auto, which compiles Go for the target there" : "";
  return (
    `Write FROM --platform=$BUILDPLATFORM for a stage that makes files for the others${crossing}; ` +
    "else choose another base image, or leave this platform out of --platform."
  );
}

function imagesOf({ reachable }: Layout): readonly ImageBase[] {
  return reachable.flatMap(({ base, sources }) => [base, ...sources.values()]).filter((base) => base.kind === "image");
}

function keyOf({ reference, platform }: ImageBase): string {
  return `${formatReference(reference)} ${formatPlatformFull(platform)}`;
}

function stageNames(layouts: readonly Layout[]): readonly string[] {
  return (layouts[0]?.stages ?? []).map(({ stage }) => stage.from.name).filter((name) => name !== undefined);
}

/** A registry says these of an image that is not there, or of none that may be seen. */
const NOT_THERE = /NOT_FOUND|UNKNOWN|UNAUTHORIZED|DENIED|FORBIDDEN/;

/**
 * An image that cannot be had and is called almost as a stage was meant to be the stage; so was a
 * plain word in `--from` that no registry knows.
 */
function atName(error: unknown, { name, node, word }: ImageBase, stages: readonly string[]): unknown {
  if (!(error instanceof AppError)) return error;
  const source = wordRange(node, word);
  const isWord = /^[a-z0-9_-]+$/i.test(name);
  const isLater = stages.includes(name.toLowerCase());
  const isTypo = suggest(name, stages) !== undefined;
  if (!isWord || !(isLater || isTypo || (node.name !== "FROM" && NOT_THERE.test(error.code))))
    return isWord && error.code === "REGISTRY_UNREACHABLE"
      ? unreachable(error, name, source)
      : withSource(error, source);
  const hint = isLater
    ? `Stage ${name} begins later in the file: move it before this one.`
    : `${didYouMean(name, stages)}${stages.length > 0 ? `The stages are ${stages.join(", ")}.` : "Name a stage with FROM IMAGE AS NAME."}${elsewhere(name)}`;
  return new AppError(
    "DOCKERFILE_UNKNOWN_STAGE",
    `${name} is no stage before this line, and as an image: ${messageOf(error)}`,
    {
      source,
      hint,
      cause: error,
      retryable: error.retryable,
    },
  );
}

/** A plain word that no registry was there to know may never have been meant for one. */
function unreachable({ code, message, hint, cause, retryable }: AppError, name: string, source: SourceRange): AppError {
  return new AppError(code, message, {
    hint: `If ${name} is no image: name a stage with FROM IMAGE AS ${name}.${elsewhere(name)}${hint === undefined ? "" : `\n${hint}`}`,
    source,
    cause,
    retryable,
  });
}

function elsewhere(name: string): string {
  return ` Files of that name come with --build-context ${name}=PATH.`;
}
