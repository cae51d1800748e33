import type { ImageStep, ScratchStep } from "../../../engine/types.ts";
import type { ImageBase } from "./base.ts";
import type { Conversion } from "./state.ts";

export const scratchStep: ScratchStep = { kind: "scratch" };

export function imageStep(base: ImageBase, { images }: Pick<Conversion, "images">): ImageStep {
  const { descriptor, layers, diffIds, config } = images(base);
  return {
    kind: "image",
    reference: base.reference,
    platform: base.platform,
    manifest: descriptor,
    layers,
    diffIds,
    history: (config.history ?? []).map((entry) => entry.created_by ?? ""),
  };
}
