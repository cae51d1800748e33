import type { Platform } from "../../../oci/platform.ts";
import type { EscapeCharacter } from "../ast.ts";
import type { CopyInstruction, Stage } from "../instructions/types.ts";
import { baseOf } from "./base.ts";
import type { Base } from "./base.ts";
import { sourceOf } from "./copy-source.ts";
import type { Globals } from "./globals.ts";
import type { NoteBook } from "./notes.ts";
import { reachableFrom } from "./target.ts";

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
  /** Where each `COPY --from` copies from. */
  readonly sources: ReadonlyMap<CopyInstruction, Base>;
}

export interface LayoutOptions {
  readonly target: Platform;
  readonly buildPlatform: Platform;
  readonly globals: Globals;
  readonly escape: EscapeCharacter;
  readonly notes: NoteBook;
  /** The wanted stage. */
  readonly goal: Stage;
}

/** Relates stages to each other and to images. Names are checked; nothing is looked up yet. */
export function layOut(stages: readonly Stage[], options: LayoutOptions): Layout {
  const laid: StageLayout[] = [];
  for (const stage of stages) {
    const base = baseOf(stage, stages, options);
    const platform = base.kind === "stage" ? laid[base.index]!.platform : base.platform;
    const sources = new Map<CopyInstruction, Base>();
    for (const instruction of stage.instructions) {
      if (instruction.kind !== "copy" || instruction.from === undefined) continue;
      sources.set(instruction, sourceOf(instruction, instruction.from, stage, stages, options));
    }
    laid.push({ stage, base, platform, sources });
  }
  const goal = laid[options.goal.index]!;
  return { target: options.target, globals: options.globals, stages: laid, goal, reachable: reachableFrom(goal, laid) };
}
