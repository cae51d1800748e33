import { NO_CROSSING, crossingOf, goFamilies } from "./cross.ts";
import type { Crossing } from "./cross.ts";
import type { ResolvedImages } from "./images.ts";
import type { Layout } from "./layout.ts";
import type { Advice, PlanRequest } from "./request.ts";
import { slowStages, suggestCross } from "./suggest-cross.ts";

/** Which stages of each target cross-compile, or what is to be said of those that could. */
export function planCrossings(
  layouts: readonly Layout[],
  images: ResolvedImages,
  { cross, buildPlatform }: Pick<PlanRequest, "cross" | "buildPlatform">,
): { readonly crossings: readonly Crossing[]; readonly advice: readonly Advice[] } {
  if (cross === undefined) return { crossings: layouts.map(() => NO_CROSSING), advice: [] };
  const families = layouts.map((layout) => goFamilies(layout, images, buildPlatform));
  if (cross.mode === "auto") {
    const crossings = layouts.map((layout, at) => crossingOf(layout, families[at] ?? [], cross));
    return { crossings, advice: [] };
  }
  const eligible = families.map((ofTarget) => ofTarget.filter(({ verdict }) => verdict.kind === "eligible"));
  return { crossings: layouts.map(() => NO_CROSSING), advice: slowStages(layouts, eligible).map(suggestCross) };
}
