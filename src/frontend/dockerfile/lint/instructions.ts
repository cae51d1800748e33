import type { InstructionNode } from "../ast.ts";
import type { FromInstruction, Instruction } from "../instructions/types.ts";
import { checkFromCasing } from "./casing.ts";
import { checkDescription } from "./descriptions.ts";
import type { Linter } from "./linter.ts";
import { checkMaintainer } from "./outdated.ts";

/** What can be seen of an instruction before its arguments are checked. */
export function checkWritten(linter: Linter, node: InstructionNode): void {
  if (node.name === "FROM") checkFromCasing(linter, node);
  if (node.name === "MAINTAINER") checkMaintainer(linter, node);
}

/** What can be seen of it by itself. */
export function checkParsed(linter: Linter, instruction: Instruction | FromInstruction): void {
  const { node } = instruction;
  if (instruction.kind === "arg") {
    checkDescription(
      linter,
      node,
      instruction.args.map(({ name }) => name.text),
    );
  }
  if (instruction.kind === "from" && instruction.name !== undefined) {
    checkDescription(linter, node, [instruction.name]);
  }
}
