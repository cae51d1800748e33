import type { Platform } from "../../../oci/platform.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import { mountFrom } from "../instructions/mount.ts";
import type { Instruction, Stage } from "../instructions/types.ts";
import { baseOf } from "./base.ts";
import type { Base } from "./base.ts";
import { laterStage, sourceOf } from "./copy-source.ts";
import type { Crossing, StageCrossing } from "./cross.ts";
import type { Globals } from "./globals.ts";
import type { NamedContext } from "./request.ts";
import { reachableFrom } from "./target.ts";
import { stageTriggers, withTriggers } from "./triggers.ts";
import type { Triggers } from "./triggers.ts";

/** The stages of a file for one target platform: what each begins with and copies from. */
export interface Layout {
  readonly target: Platform;
  readonly globals: Globals;
  /** All stages, in the order of the file. */
  readonly stages: readonly StageLayout[];
  /** The stage whose result is wanted. */
  readonly goal: StageLayout;
  /** The stages that the goal needs, itself included, in the order of the file. */
  readonly reachable: readonly StageLayout[];
}

export interface StageLayout {
  readonly stage: Stage;
  readonly base: Base;
  readonly platform: Platform;
  /** It would be emulated and cross-compiles instead. */
  readonly crossing?: StageCrossing | undefined;
  /** What each `COPY --from` and each `from=` of a mount names, by its flag. */
  readonly sources: ReadonlyMap<Word, Base>;
}

export interface LayoutOptions {
  readonly target: Platform;
  readonly buildPlatform: Platform;
  readonly globals: Globals;
  readonly escape: EscapeCharacter;
  /** The wanted stage. */
  readonly goal: Stage;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  /** Of base images, where they are known. */
  readonly triggers: Triggers;
  /** Stages that run on the build platform though FROM does not say so. */
  readonly crossing: Crossing;
  /** Every stage is looked at, whether the goal needs it or not. Default false. */
  readonly allStages?: boolean | undefined;
}

/** Relates stages to each other and to images. Names are checked; nothing is looked up yet. */
export function layOut(stages: readonly Stage[], options: LayoutOptions): Layout {
  const laid: StageLayout[] = [];
  for (const written of stages) {
    const base = baseOf(written, stages, options);
    const triggers =
      base.kind === "stage" ? stageTriggers(laid[base.index]!.stage) : (options.triggers.get(written.index) ?? []);
    const stage = withTriggers(written, triggers);
    const platform = base.kind === "stage" ? laid[base.index]!.platform : base.platform;
    const sources = new Map<Word, Base>();
    for (const { node, flag, name } of stage.instructions.flatMap(namedSources)) {
      sources.set(flag, sourceOf(node, { ...flag, text: name }, stage, stages, options));
    }
    laid.push({ stage, base, platform, sources, crossing: options.crossing.stages.get(stage.index) });
  }
  const goal = laid[options.goal.index]!;
  const reachable = options.allStages === true ? laid : reachableFrom(goal, laid);
  for (const one of reachable) checkOrder(one, stages);
  return { target: options.target, globals: options.globals, stages: laid, goal, reachable };
}

/** As in BuildKit, only what the goal needs must be in order. */
function checkOrder({ stage, sources }: StageLayout, stages: readonly Stage[]): void {
  for (const { node, flag, name } of stage.instructions.flatMap(namedSources)) {
    const base = sources.get(flag);
    const later = base?.kind === "stage" && base.index > stage.index ? stages[base.index] : undefined;
    if (later !== undefined) throw laterStage(node, { ...flag, text: name }, later);
  }
}

interface NamedSource {
  readonly node: InstructionNode;
  readonly flag: Word;
  readonly name: string;
}

function namedSources(instruction: Instruction): readonly NamedSource[] {
  const { node } = instruction;
  if (instruction.kind === "copy") {
    return instruction.from === undefined ? [] : [{ node, flag: instruction.from, name: instruction.from.text }];
  }
  if (instruction.kind !== "run") return [];
  return instruction.mounts.flatMap((flag) => {
    const name = mountFrom(flag);
    return name === undefined ? [] : [{ node, flag, name }];
  });
}
