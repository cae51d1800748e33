import { AppError, withSource } from "../../../base/errors.ts";
import type { Instruction, Stage } from "../instructions/types.ts";
import { parseInstruction } from "../instructions/parse.ts";
import { parseDockerfile } from "../parse.ts";
import type { Layout } from "./layout.ts";
import type { ResolvedImages } from "./images.ts";

/** ONBUILD triggers of base images, by the index of the stage that begins with one. */
export type Triggers = ReadonlyMap<number, readonly string[]>;

/** The triggers of the images that reachable stages begin with. */
export function imageTriggers({ reachable }: Layout, images: ResolvedImages): Triggers {
  return new Map(
    reachable.flatMap(({ stage, base }) => {
      const triggers = base.kind === "image" ? (images(base).config.config.OnBuild ?? []) : [];
      return triggers.length > 0 ? [[stage.index, triggers] as const] : [];
    }),
  );
}

/** The triggers that a stage of the file leaves to those that begin with it. */
export function stageTriggers({ instructions }: Stage): readonly string[] {
  return instructions.flatMap((instruction) => (instruction.kind === "onbuild" ? [instruction.expression] : []));
}

/** A stage with the triggers of its base before its own instructions. */
export function withTriggers(stage: Stage, triggers: readonly string[]): Stage {
  if (triggers.length === 0) return stage;
  const parsed = triggers.map((text) => parseTrigger(stage, text));
  return { ...stage, instructions: [...parsed, ...stage.instructions] };
}

/** What is wrong with a trigger is said in its own text, as it stands in no file of the user. */
function parseTrigger({ from }: Stage, text: string): Instruction {
  try {
    const { instructions } = parseDockerfile({ name: `ONBUILD of ${from.image.text}`, text });
    const instruction = parseInstruction(instructions[0]!);
    if (instructions.length === 1 && instruction.kind !== "from" && instruction.kind !== "onbuild") return instruction;
  } catch (error) {
    throw withSource(error, from.node.source);
  }
  throw new AppError("DOCKERFILE_ARGUMENTS", `ONBUILD trigger ${JSON.stringify(text)} is not one instruction`, {
    source: from.node.source,
    hint: "Choose another base image.",
  });
}
