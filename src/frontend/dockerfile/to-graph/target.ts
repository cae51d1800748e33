import { AppError } from "../../../base/errors.ts";
import type { Stage } from "../instructions/types.ts";
import { didYouMean } from "../suggest.ts";
import type { StageLayout } from "./layout.ts";

/** The stage called `name`, or the last one. Throws `DOCKERFILE_TARGET_NOT_FOUND`. */
export function findTarget(stages: readonly Stage[], name: string | undefined): Stage {
  if (name === undefined || name === "") return stages.at(-1)!;
  const found = stages.findLast(({ from }) => from.name === name.toLowerCase());
  if (found !== undefined) return found;
  const names = stages.map(({ from }) => from.name).filter((stage) => stage !== undefined);
  const known = names.length > 0 ? `The stages are ${names.join(", ")}.` : "Name a stage with FROM IMAGE AS NAME.";
  throw new AppError("DOCKERFILE_TARGET_NOT_FOUND", `no stage is named ${JSON.stringify(name)}`, {
    hint: didYouMean(name, names) + known,
  });
}

/** `goal` and all stages that it begins with or copies from, in the order of the file. */
export function reachableFrom(goal: StageLayout, all: readonly StageLayout[]): readonly StageLayout[] {
  const needed = new Set<number>([goal.stage.index]);
  // A stage needs only stages before it; where it names a later one that is refused.
  for (const { stage, base, sources } of all.toReversed()) {
    if (!needed.has(stage.index)) continue;
    for (const input of [base, ...sources.values()]) if (input.kind === "stage") needed.add(input.index);
  }
  return all.filter(({ stage }) => needed.has(stage.index));
}
