import { AppError, withSource } from "../../../base/errors.ts";
import { trimSpace } from "../../../base/whitespace.ts";
import type { Dockerfile, InstructionNode } from "../ast.ts";
import { argumentsError, keywordRange, wordRange } from "../errors.ts";
import { checkParsed, checkWritten } from "../lint/instructions.ts";
import { Linter } from "../lint/linter.ts";
import { didYouMean } from "../suggest.ts";
import { parseArg } from "./arg.ts";
import { parseAdd, parseCopy } from "./copy.ts";
import { readFlags } from "./flags.ts";
import { parseFrom } from "./from.ts";
import { parseHealthcheck } from "./healthcheck.ts";
import { parseOnbuild } from "./onbuild.ts";
import { parseRun } from "./run.ts";
import type { ArgInstruction, FromInstruction, Instruction, Stage } from "./types.ts";
import { commandOf, isJson, onlyWord, somePairs, someWords, wordsOf } from "./words.ts";

/** A Dockerfile as its stages; before them, the ARGs that FROM may use. */
export interface Stages {
  readonly globalArgs: readonly ArgInstruction[];
  /** At least one. */
  readonly stages: readonly Stage[];
}

/**
 * Reads every instruction of a file and sorts them into stages. Throws `DOCKERFILE_UNKNOWN_INSTRUCTION`,
 * `DOCKERFILE_UNKNOWN_FLAG`, `DOCKERFILE_FLAG`, `DOCKERFILE_ARGUMENTS`, `DOCKERFILE_STAGE_NAME` and
 * `DOCKERFILE_NO_FROM`, all with positions.
 */
export function parseStages(dockerfile: Dockerfile, linter = new Linter()): Stages {
  const globalArgs: ArgInstruction[] = [];
  const stages: { index: number; from: FromInstruction; instructions: Instruction[] }[] = [];
  for (const node of dockerfile.instructions) {
    checkWritten(linter, node);
    const instruction = parseInstruction(node);
    checkParsed(linter, instruction);
    const stage = stages.at(-1);
    if (instruction.kind === "from") stages.push({ index: stages.length, from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === "arg") globalArgs.push(instruction);
    else throw noStage(node);
  }
  if (stages.length === 0) throw noFrom(dockerfile);
  return { globalArgs, stages };
}

/** One instruction; FROM too. Throws as {@link parseStages} does. */
export function parseInstruction(node: InstructionNode): Instruction | FromInstruction {
  try {
    const parse = Object.hasOwn(PARSERS, node.name) ? PARSERS[node.name] : undefined;
    if (parse === undefined) throw unknownInstruction(node);
    refuseNul(node);
    return parse(node);
  } catch (error) {
    throw withSource(error, node.source);
  }
}

/** JSON can spell one; no path and no argument of a program can hold it. */
function refuseNul(node: InstructionNode): void {
  const word = wordsOf(node).find(({ text }) => text.includes("\0"));
  if (word === undefined) return;
  throw new AppError("DOCKERFILE_ARGUMENTS", `${node.name} has an argument with a NUL character`, {
    source: wordRange(node, word),
    hint: "Leave it out.",
  });
}

const PARSERS: Readonly<Record<string, (node: InstructionNode) => Instruction | FromInstruction>> = {
  ADD: parseAdd,
  ARG: parseArg,
  CMD: withoutFlags((node) => ({ kind: "cmd", node, command: commandOf(node) })),
  COPY: parseCopy,
  ENTRYPOINT: withoutFlags((node) => ({ kind: "entrypoint", node, command: commandOf(node) })),
  ENV: withoutFlags((node) => ({ kind: "env", node, pairs: somePairs(node) })),
  EXPOSE: withoutFlags((node) => ({ kind: "expose", node, ports: someWords(node, "EXPOSE PORT[/PROTOCOL]") })),
  FROM: parseFrom,
  HEALTHCHECK: parseHealthcheck,
  LABEL: withoutFlags((node) => ({ kind: "label", node, pairs: somePairs(node) })),
  MAINTAINER: withoutFlags((node) => ({ kind: "maintainer", node, author: onlyWord(node, "MAINTAINER NAME").text })),
  ONBUILD: parseOnbuild,
  RUN: parseRun,
  SHELL: withoutFlags(parseShell),
  STOPSIGNAL: withoutFlags((node) => ({ kind: "stopsignal", node, signal: onlyWord(node, "STOPSIGNAL SIGNAL") })),
  USER: withoutFlags((node) => ({ kind: "user", node, user: onlyWord(node, "USER NAME[:GROUP]") })),
  VOLUME: withoutFlags(parseVolume),
  WORKDIR: withoutFlags((node) => ({ kind: "workdir", node, path: onlyWord(node, "WORKDIR PATH") })),
};

function withoutFlags(parse: (node: InstructionNode) => Instruction): (node: InstructionNode) => Instruction {
  return (node) => {
    readFlags(node);
    return parse(node);
  };
}

function parseShell(node: InstructionNode): Instruction {
  const shell = wordsOf(node).map(({ text }) => text);
  const usage = 'SHELL ["PROGRAM", "FLAG"]';
  if (shell.length === 0) throw argumentsError(node, "has no argument", usage);
  if (!isJson(node)) throw argumentsError(node, "is no JSON array", usage);
  return { kind: "shell", node, shell };
}

function parseVolume(node: InstructionNode): Instruction {
  const usage = "VOLUME PATH";
  const paths = someWords(node, usage).map((word) => ({ ...word, text: trimSpace(word.text) }));
  if (paths.some(({ text }) => text === "")) throw argumentsError(node, "has an empty path", usage);
  return { kind: "volume", node, paths };
}

function unknownInstruction(node: InstructionNode): AppError {
  if (node.keyword === "") {
    return new AppError("DOCKERFILE_SYNTAX", "a line continuation is followed by nothing", {
      source: node.source,
      hint: "Remove it.",
    });
  }
  return new AppError("DOCKERFILE_UNKNOWN_INSTRUCTION", `unknown instruction ${node.keyword}`, {
    source: keywordRange(node),
    hint: didYouMean(node.keyword, Object.keys(PARSERS)).trim() || "A command of the build is written RUN COMMAND.",
  });
}

function noStage(node: InstructionNode): AppError {
  return new AppError("DOCKERFILE_NO_FROM", `${node.name} stands before the first FROM`, {
    source: node.source,
    hint: "Begin with FROM IMAGE; only ARG may stand before it.",
  });
}

function noFrom(dockerfile: Dockerfile): AppError {
  return new AppError("DOCKERFILE_NO_FROM", `${dockerfile.source.name} has no FROM`, {
    source: dockerfile.instructions.at(-1)!.source,
    hint: "Add FROM IMAGE after the ARGs.",
  });
}
