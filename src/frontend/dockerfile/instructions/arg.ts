import type { InstructionNode } from "../ast.ts";
import { argumentsError } from "../errors.ts";
import { readFlags } from "./flags.ts";
import type { ArgInstruction } from "./types.ts";
import { someWords } from "./words.ts";

export function parseArg(node: InstructionNode): ArgInstruction {
  readFlags(node);
  const args = someWords(node, "ARG NAME[=DEFAULT]").map((word) => {
    const equals = word.text.indexOf("=");
    if (equals < 0) return { name: word };
    if (equals === 0) throw argumentsError(node, "has a value without a name", "ARG NAME[=DEFAULT]");
    const middle = word.start + equals;
    return {
      name: { text: word.text.slice(0, equals), start: word.start, end: middle },
      value: { text: word.text.slice(equals + 1), start: middle + 1, end: word.end },
    };
  });
  return { kind: "arg", node, args };
}
