import { AppError } from "../../../base/errors.ts";
import type { InstructionNode, Word } from "../ast.ts";
import { argumentsError, wordRange } from "../errors.ts";
import { readFlags } from "./flags.ts";
import type { FromInstruction } from "./types.ts";
import { wordsOf } from "./words.ts";

const USAGE = "FROM [--platform=PLATFORM] IMAGE [AS NAME]";

export function parseFrom(node: InstructionNode): FromInstruction {
  const [image, as, name, ...rest] = wordsOf(node);
  const flags = readFlags(node, { platform: "string" });
  if (image === undefined) throw argumentsError(node, "names no image", USAGE);
  if (rest.length > 0 || (as !== undefined && (name === undefined || as.text.toLowerCase() !== "as"))) {
    throw argumentsError(node, `has ${wordsOf(node).length} arguments, expected one or three`, USAGE);
  }
  return {
    kind: "from",
    node,
    image,
    platform: flags.string("platform"),
    name: name === undefined ? undefined : stageName(node, name),
  };
}

function stageName(node: InstructionNode, word: Word): string {
  const name = word.text.toLowerCase();
  if (/^[a-z][a-z0-9-_.]*$/.test(name)) return name;
  throw new AppError("DOCKERFILE_STAGE_NAME", `stage name ${JSON.stringify(word.text)} is not valid`, {
    source: wordRange(node, word),
    hint: "Begin it with a letter and use letters, digits, -, _ and . only.",
  });
}
