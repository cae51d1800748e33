import type { GitStep, HttpStep, ImageStep, ScratchStep, StepId } from "../../../engine/types.ts";
import { literalPattern } from "../../../snapshot/glob.ts";
import type { InstructionNode, Word } from "../ast.ts";
import type { DirectoryBase, ImageBase } from "./base.ts";
import type { RemoteFiles } from "./request.ts";
import type { Conversion, StageState } from "./state.ts";

export const scratchStep: ScratchStep = { kind: "scratch" };

export function imageStep(base: ImageBase, { images }: Pick<Conversion, "images">): ImageStep {
  const { descriptor, layers, diffIds, config } = images(base);
  const { history = [] } = config;
  const { WorkingDir, Volumes, Env, Entrypoint, Cmd } = config.config;
  return {
    kind: "image",
    reference: base.reference,
    ...(base.layout && { layout: base.layout }),
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

/** Where a context has its files. */
export type ContextFiles =
  | { readonly kind: "directory"; readonly directory: string; readonly ignore: readonly string[] }
  | RemoteFiles;

export function contextStep({ conversion }: StageState): StepId {
  const { contextDirectory: directory, contextFiles, ignore } = conversion.request;
  return filesStep(conversion, contextFiles ?? { kind: "directory", directory, ignore }, "load build context");
}

/** Files that were given a name, to be copied from. */
export function directoryStep({ conversion }: Pick<StageState, "conversion">, { files, name }: DirectoryBase): StepId {
  return filesStep(conversion, files, `load build context ${name}`);
}

function filesStep({ graph, layout }: Conversion, files: ContextFiles, text: string): StepId {
  const label = { stage: "context", text, target: layout.target };
  switch (files.kind) {
    case "directory":
      return graph.add({ kind: "context", directory: files.directory, ignore: files.ignore }, label);
    case "empty":
      return graph.add(scratchStep, label);
    case "files":
      return graph.add(files.step, label);
    case "archive": {
      const [from, base] = [graph.add(files.file, label), graph.add(scratchStep, label)];
      const paths = [literalPattern(files.file.name)];
      const unpacked = { paths, unpack: true, destination: "/", intoDirectory: true } as const;
      return graph.add({ kind: "copy", base, from, ...unpacked }, label);
    }
  }
}

/** What ADD fetches from an address. */
export function remoteStep({ conversion }: StageState, node: InstructionNode, step: HttpStep | GitStep): StepId {
  const { graph, layout } = conversion;
  const text = step.kind === "http" ? step.url : [step.remote, step.ref ?? []].flat().join("#");
  return graph.add(step, { stage: "fetch", text, target: layout.target, source: node.source });
}
