import type { ImageStep, ScratchStep } from "../../../engine/types.ts";
import type { ImageBase } from "./base.ts";
import type { Conversion } from "./state.ts";

export const scratchStep: ScratchStep = { kind: "scratch" };

export function imageStep(base: ImageBase, { images }: Pick<Conversion, "images">): ImageStep {
  const { descriptor, layers, diffIds, config } = images(base);
  const { history = [] } = config;
  const { WorkingDir, Volumes, Env, Entrypoint, Cmd } = config.config;
  return {
    kind: "image",
    reference: base.reference,
    platform: base.platform,
    manifest: descriptor,
    layers,
    diffIds,
    history: history.filter((entry) => entry.empty_layer !== true).map((entry) => entry.created_by ?? ""),
    mentions: [
      ...history.filter((entry) => entry.empty_layer === true).map((entry) => entry.created_by ?? ""),
      ...[WorkingDir ?? "", ...Object.keys(Volumes ?? {})],
      ...[Env, Entrypoint, Cmd].flatMap((texts) => texts ?? []),
    ],
  };
}
