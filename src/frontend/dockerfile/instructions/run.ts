import type { InstructionNode } from "../ast.ts";
import { argumentsError } from "../errors.ts";
import { flagError, readFlags } from "./flags.ts";
import type { Flags } from "./flags.ts";
import type { RunInstruction } from "./types.ts";
import { commandOf } from "./words.ts";

const NETWORKS = ["default", "none", "host"] as const;
const SECURITIES = ["sandbox", "insecure"] as const;

export function parseRun(node: InstructionNode): RunInstruction {
  const flags = readFlags(node, { mount: "list", network: "string", security: "string", device: "list" });
  const command = commandOf(node);
  if (command.form === "exec" && command.argv.length === 0) {
    throw argumentsError(node, "has an empty command", 'RUN ["PROGRAM", "ARGUMENT"]');
  }
  return {
    kind: "run",
    node,
    command,
    heredocs: node.heredocs,
    mounts: flags.list("mount"),
    network: oneOf(node, flags, "network", NETWORKS),
    security: oneOf(node, flags, "security", SECURITIES),
    devices: flags.list("device"),
  };
}

/** The first option is the default. */
function oneOf<const T extends string>(
  node: InstructionNode,
  flags: Flags,
  name: string,
  options: readonly [T, ...T[]],
): T {
  const word = flags.string(name);
  if (word === undefined) return options[0];
  const option = options.find((candidate) => candidate === word.text);
  if (option !== undefined) return option;
  throw flagError(
    node,
    word,
    `--${name} is ${options.join(", ")}, found ${JSON.stringify(word.text)}`,
    `Write --${name}=${options[0]}.`,
  );
}
