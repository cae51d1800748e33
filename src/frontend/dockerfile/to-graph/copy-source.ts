import { AppError, withSource } from "../../../base/errors.ts";
import { parseReference, withDefaultTag } from "../../../oci/reference.ts";
import type { Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import { expand } from "../expansion/expand.ts";
import type { CopyInstruction, Stage } from "../instructions/types.ts";
import type { Base } from "./base.ts";
import type { LayoutOptions } from "./layout.ts";

const NOTHING: ReadonlyMap<string, string> = new Map();

/** What `--from` names: a stage before this one by number or name, or an image. */
export function sourceOf(
  copy: CopyInstruction,
  word: Word,
  stage: Stage,
  stages: readonly Stage[],
  { target, escape }: LayoutOptions,
): Base {
  refuseVariables(copy, word, escape);
  const index = /^[+-]?\d+$/.test(word.text) ? Number(word.text) : stageNamed(stages, word.text);
  if (index !== undefined) return earlierStage(copy, word, index, stage, stages);
  if (word.text === "scratch") return { kind: "scratch", platform: target };
  try {
    const reference = withDefaultTag(parseReference(word.text));
    return { kind: "image", reference, name: word.text, platform: target, node: copy.node, word };
  } catch (error) {
    throw withSource(error, wordRange(copy.node, word));
  }
}

/** Of several stages with one name the last counts, as in BuildKit. */
function stageNamed(stages: readonly Stage[], name: string): number | undefined {
  const index = stages.findLastIndex(({ from }) => from.name === name.toLowerCase());
  return index < 0 ? undefined : index;
}

function refuseVariables(copy: CopyInstruction, word: Word, escape: LayoutOptions["escape"]): void {
  let isPlain = false;
  try {
    isPlain = expand(word.text, NOTHING, { escape }).text === word.text;
  } catch {
    // What cannot be expanded is not plain either.
  }
  if (isPlain) return;
  throw new AppError("DOCKERFILE_FLAG", `COPY: --from is not expanded, found ${word.text}`, {
    source: wordRange(copy.node, word),
    hint: "Name the image in a stage of its own, FROM IMAGE:$VERSION AS NAME with a global ARG, and copy from NAME.",
  });
}

function earlierStage(copy: CopyInstruction, word: Word, index: number, stage: Stage, stages: readonly Stage[]): Base {
  const source = wordRange(copy.node, word);
  const other = stages[index];
  if (other === undefined) {
    throw new AppError("DOCKERFILE_UNKNOWN_STAGE", `COPY --from=${word.text}: there is no stage ${index}`, {
      source,
      hint: `Stages are counted from 0 to ${stages.length - 1}; names are safer: FROM IMAGE AS NAME.`,
    });
  }
  if (index < stage.index) return { kind: "stage", index };
  if (index === stage.index) {
    throw new AppError("DOCKERFILE_STAGE_ORDER", `COPY --from=${word.text} copies from its own stage`, {
      source,
      hint: "Copy from another stage, or use RUN cp for files of this one.",
    });
  }
  throw new AppError(
    "DOCKERFILE_STAGE_ORDER",
    `COPY --from=${word.text}: that stage begins later, at line ${other.from.node.source.start.line}`,
    { source, hint: `Move stage ${word.text} before the stage that copies from it.` },
  );
}
