import { AppError, withSource } from "../../../base/errors.ts";
import { parseReference, withDefaultTag } from "../../../oci/reference.ts";
import type { InstructionNode, Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import { expand } from "../expansion/expand.ts";
import type { Stage } from "../instructions/types.ts";
import { namedBase } from "./base.ts";
import type { Base } from "./base.ts";
import type { LayoutOptions } from "./layout.ts";

const NOTHING: ReadonlyMap<string, string> = new Map();

/** What `--from` names: a stage by number or name, which may be a later one yet, or an image. */
export function sourceOf(
  node: InstructionNode,
  word: Word,
  stage: Stage,
  stages: readonly Stage[],
  options: LayoutOptions,
): Base {
  const { target, escape } = options;
  refuseVariables(node, word, escape);
  const named = namedBase({ name: word.text, platform: target, node, word }, stage, stages, options);
  if (named !== undefined) return named;
  const index = /^[+-]?\d+$/.test(word.text) ? Number(word.text) : stageNamed(stages, word.text);
  if (index !== undefined) return otherStage(node, word, index, stage, stages);
  if (word.text === "scratch") return { kind: "scratch", platform: target };
  try {
    const reference = withDefaultTag(parseReference(word.text));
    return { kind: "image", reference, name: word.text, platform: target, node, word };
  } catch (error) {
    throw withSource(error, wordRange(node, word));
  }
}

/** Of several stages with one name the last counts, as in BuildKit. */
function stageNamed(stages: readonly Stage[], name: string): number | undefined {
  const index = stages.findLastIndex(({ from }) => from.name === name.toLowerCase());
  return index < 0 ? undefined : index;
}

function refuseVariables(node: InstructionNode, word: Word, escape: LayoutOptions["escape"]): void {
  let isPlain = false;
  try {
    isPlain = expand(word.text, NOTHING, { escape }).text === word.text;
  } catch {
    // What cannot be expanded is not plain either.
  }
  if (isPlain) return;
  throw new AppError("DOCKERFILE_FLAG", `${node.name}: ${flagOf(node)} is not expanded, found ${word.text}`, {
    source: wordRange(node, word),
    hint: "Name the image in a stage of its own, FROM IMAGE:$VERSION AS NAME with a global ARG, and copy from NAME.",
  });
}

function otherStage(node: InstructionNode, word: Word, index: number, stage: Stage, stages: readonly Stage[]): Base {
  const source = wordRange(node, word);
  const other = stages[index];
  if (other === undefined) {
    throw new AppError(
      "DOCKERFILE_UNKNOWN_STAGE",
      `${node.name} ${flagOf(node)}=${word.text}: there is no stage ${index}`,
      {
        source,
        hint: `Stages are counted from 0 to ${stages.length - 1}; names are safer: FROM IMAGE AS NAME.`,
      },
    );
  }
  if (index === stage.index) {
    throw new AppError(
      "DOCKERFILE_STAGE_ORDER",
      `${node.name} ${flagOf(node)}=${word.text} copies from its own stage`,
      {
        source,
        hint: "Copy from another stage, or use RUN cp for files of this one.",
      },
    );
  }
  return { kind: "stage", index };
}

/** That `word` names a stage that begins after its own. */
export function laterStage(node: InstructionNode, word: Word, other: Stage): AppError {
  const at = other.from.node.source.start.line;
  return new AppError(
    "DOCKERFILE_STAGE_ORDER",
    `${node.name} ${flagOf(node)}=${word.text}: that stage begins later, at line ${at}`,
    {
      source: wordRange(node, word),
      hint: `Move stage ${word.text} before the stage that copies from it.`,
    },
  );
}

/** The flag that names a source. */
function flagOf(node: InstructionNode): string {
  return node.name === "RUN" ? "--mount from" : "--from";
}
