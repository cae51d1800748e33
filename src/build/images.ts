import { parseBoolean } from "../base/values.ts";
import type { Engine } from "../engine/engine.ts";
import type { StepId } from "../engine/types.ts";
import type { Packing } from "../worker/protocol.ts";
import { assembleIndex, type Document, type Image } from "../output/image.ts";
import { assembleTarget, type FetchBaseLayer } from "./assemble.ts";
import type { PlannedBuild } from "./plan-request.ts";
import { recompressBases, type RecompressTools } from "./recompress.ts";
import type { BuildRequest, ImageOptions } from "./request.ts";

/** The images of all platforms in one form, with the index where they are several. */
export interface ImageSet {
  readonly images: readonly Image[];
  readonly index: Document | undefined;
}

/** The same images in all forms that outputs ask for, each made once. */
export interface ImageSets {
  /** What the build is known by: of the first push, else of the first output with an image. Undefined: nobody wants one. */
  readonly main: ImageSet | undefined;
  of(options: ImageOptions): ImageSet;
}

/** How the layers of an image are written. */
export function packingOf(options: ImageOptions, epoch: number | undefined): Packing {
  const { compression, level, format, rewriteTimestamp } = options;
  return { compression, level, format, epoch: rewriteTimestamp ? epoch : undefined };
}

/** The forms that are wanted, the one that the build is known by first. */
export function wantedForms({ outputs, image, metadataFile, iidFile }: BuildRequest): readonly ImageOptions[] {
  const pushes = outputs.filter((output) => output.kind === "registry");
  const forms = [...pushes, ...outputs].flatMap((output) => ("image" in output ? [output.image] : []));
  if (forms.length > 0) return forms;
  // Whoever asks for digests, or for no output at all, asks for an image too.
  const isAsked = metadataFile !== undefined || iidFile !== undefined;
  return isAsked || outputs.every((output) => output.kind === "cacheonly") ? [image] : [];
}

/** The packing that the others can be made of: times that were clamped cannot be told again. */
export function mainPacking(request: BuildRequest, epoch: number | undefined): Packing {
  const forms = wantedForms(request);
  const chosen = forms.find((form) => !form.rewriteTimestamp) ?? forms[0] ?? request.image;
  return packingOf(chosen, epoch);
}

export async function makeImages(
  request: BuildRequest,
  { graph, targets, epoch }: PlannedBuild,
  engine: Engine,
  tools: RecompressTools,
): Promise<ImageSets> {
  const sets = new Map<string, ImageSet>();
  const main = mainPacking(request, epoch);
  const forms = wantedForms(request);
  const fetch: FetchBaseLayer = async ({ image, index }, signal) =>
    void (await tools.layers.fetch(image, index, signal));
  // As BuildKit names what it executes.
  const describe = (step: StepId): string => {
    const found = graph.steps.get(step);
    if (found?.kind === "run") return `mount / from exec ${found.argv.join(" ")}`;
    const [label] = graph.labels.get(step) ?? [];
    return label === undefined ? "created by buildkit" : `[${label.stage}] ${label.text}`;
  };
  for (const form of forms) {
    if (sets.has(formName(form))) continue;
    const packing = { ...packingOf(form, epoch), format: main.format };
    // The engine knows its own by identity; a format alone changes no layer but its type.
    const asked = JSON.stringify(packing) === JSON.stringify(main) ? undefined : packing;
    const images = await Promise.all(
      targets.map(async (target) => {
        const made = await engine.layers(target.root, asked);
        const layers = form.forceCompression ? await recompressBases(made, packing, tools) : made;
        return assembleTarget(target, layers, { ...form, epoch, fetch, describe });
      }),
    );
    const index = images.length > 1 || wantsIndex(request) ? assembleIndex(images, form) : undefined;
    sets.set(formName(form), { images, index });
  }
  const of = (options: ImageOptions): ImageSet => {
    const set = sets.get(formName(options));
    if (set === undefined) throw new Error("an image that was not made");
    return set;
  };
  return { main: forms[0] && of(forms[0]), of };
}

/** BuildKit's own argument for it. */
function wantsIndex({ buildArgs }: BuildRequest): boolean {
  return parseBoolean(buildArgs["BUILDKIT_MULTI_PLATFORM"] ?? "") === true;
}

function formName(options: ImageOptions): string {
  return JSON.stringify(options);
}
