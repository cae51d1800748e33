import type { GitStep, HttpStep, ImageStep, ScratchStep, StepId } from "../../../engine/types.ts";
import type { InstructionNode, Word } from "../ast.ts";
import type { DirectoryBase, ImageBase } from "./base.ts";
import type { Conversion, StageState } from "./state.ts";

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

/** The step that a `--from`, or the `from=` of a mount, names. */
export function sourceStep(state: StageState, node: InstructionNode, flag: Word): StepId {
  const { conversion, layout } = state;
  const { graph, stages } = conversion;
  const { target } = conversion.layout;
  const source = layout.sources.get(flag)!;
  switch (source.kind) {
    case "stage":
      return stages.get(source.index)!.root;
    case "scratch":
      return scratchSource(state);
    case "directory":
      return directoryStep(state, source);
    case "image":
      return graph.add(imageStep(source, conversion), {
        stage: "image",
        text: source.name,
        target,
        source: node.source,
      });
  }
}

export function scratchSource({ conversion: { graph, layout } }: StageState): StepId {
  return graph.add(scratchStep, { stage: "image", text: "scratch", target: layout.target });
}

export function contextStep({ conversion: { graph, request, layout } }: StageState): StepId {
  const { contextDirectory: directory, ignore } = request;
  return graph.add(
    { kind: "context", directory, ignore },
    { stage: "context", text: "load build context", target: layout.target },
  );
}

/** A directory that was given a name, to be copied from. */
export function directoryStep(state: Pick<StageState, "conversion">, base: DirectoryBase): StepId {
  const { graph, layout } = state.conversion;
  const { directory, ignore, name } = base;
  return graph.add(
    { kind: "context", directory, ignore },
    { stage: "context", text: `load build context ${name}`, target: layout.target },
  );
}

/** What ADD fetches from an address. */
export function remoteStep({ conversion }: StageState, node: InstructionNode, step: HttpStep | GitStep): StepId {
  const { graph, layout } = conversion;
  const text = step.kind === "http" ? step.url : [step.remote, step.ref ?? []].flat().join("#");
  return graph.add(step, { stage: "fetch", text, target: layout.target, source: node.source });
}
