import type { InstructionNode } from "../ast.ts";
import { argumentsError } from "../errors.ts";
import { readFlags } from "./flags.ts";
import type { OnbuildInstruction } from "./types.ts";

export function parseOnbuild(node: InstructionNode): OnbuildInstruction {
  readFlags(node);
  if (node.arguments.kind !== "instruction") throw argumentsError(node, "has no instruction", "ONBUILD INSTRUCTION");
  const trigger = node.arguments.instruction;
  if (["ONBUILD", "FROM", "MAINTAINER"].includes(trigger.name)) {
    throw argumentsError(node, `cannot hold ${trigger.name}`, "ONBUILD with an instruction that changes the image");
  }
  return { kind: "onbuild", node, trigger, expression: expressionOf(node) };
}

function expressionOf({ text, heredocs }: InstructionNode): string {
  const line = text.replace(/^\s*ONBUILD\s*/i, "");
  return line + heredocs.map(({ name, content }) => `\n${content}${name}`).join("");
}
