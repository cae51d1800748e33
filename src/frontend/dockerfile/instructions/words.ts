import type { InstructionNode, Pair, Word } from "../ast.ts";
import { argumentsError } from "../errors.ts";
import type { Command } from "./types.ts";

/** The words of an instruction that has words. */
export function wordsOf(node: InstructionNode): readonly Word[] {
  return node.arguments.kind === "words" ? node.arguments.words : [];
}

/** The one argument of an instruction that takes the rest of its line. */
export function onlyWord(node: InstructionNode, usage: string): Word {
  const [word] = wordsOf(node);
  if (word === undefined) throw argumentsError(node, "has no argument", usage);
  return word;
}

export function someWords(node: InstructionNode, usage: string): readonly Word[] {
  const words = wordsOf(node);
  if (words.length === 0) throw argumentsError(node, "has no argument", usage);
  return words;
}

export function somePairs(node: InstructionNode): readonly Pair[] {
  const pairs = node.arguments.kind === "pairs" ? node.arguments.pairs : [];
  const usage = `${node.name} NAME=VALUE`;
  if (pairs.length === 0) throw argumentsError(node, "has no argument", usage);
  if (pairs.some(({ key }) => key.text === "")) throw argumentsError(node, "has a value without a name", usage);
  return pairs;
}

export function isJson(node: InstructionNode): boolean {
  return node.arguments.kind === "words" && node.arguments.json;
}

/** Of RUN, CMD and ENTRYPOINT. No text at all is a shell command that does nothing. */
export function commandOf(node: InstructionNode, words: readonly Word[] = wordsOf(node)): Command {
  const texts = words.map(({ text }) => text);
  return isJson(node) ? { form: "exec", argv: texts } : { form: "shell", text: texts.join(" ") };
}
