import type { Healthcheck } from "../../../oci/config.ts";
import type { InstructionNode } from "../ast.ts";
import { argumentsError } from "../errors.ts";
import { parseDuration } from "./duration.ts";
import { flagError, readFlags } from "./flags.ts";
import type { Flags } from "./flags.ts";
import type { HealthcheckInstruction } from "./types.ts";
import { commandOf, someWords } from "./words.ts";

const USAGE = "HEALTHCHECK [--interval=30s] CMD COMMAND, or HEALTHCHECK NONE";
const FLAGS = {
  interval: "string",
  timeout: "string",
  "start-period": "string",
  "start-interval": "string",
  retries: "string",
} as const;

/** Docker's shortest interval, in nanoseconds. */
const SHORTEST = 1_000_000;

export function parseHealthcheck(node: InstructionNode): HealthcheckInstruction {
  const [type, ...words] = someWords(node, USAGE);
  const kind = type!.text.toUpperCase();
  if (kind === "NONE") {
    if (words.length > 0 || node.flags.length > 0)
      throw argumentsError(node, "NONE takes no arguments", "HEALTHCHECK NONE");
    return { kind: "healthcheck", node, healthcheck: { Test: ["NONE"] } };
  }
  const flags = readFlags(node, FLAGS);
  if (kind !== "CMD") throw argumentsError(node, `is CMD or NONE, found ${JSON.stringify(type!.text)}`, USAGE);
  const command = commandOf(node, words);
  if (words.length === 0) throw argumentsError(node, "CMD has no command", USAGE);
  const Test = command.form === "exec" ? ["CMD", ...command.argv] : ["CMD-SHELL", command.text];
  return { kind: "healthcheck", node, healthcheck: { Test, ...times(node, flags) } };
}

function times(node: InstructionNode, flags: Flags): Omit<Healthcheck, "Test"> {
  const values = {
    Interval: duration(node, flags, "interval"),
    Timeout: duration(node, flags, "timeout"),
    StartPeriod: duration(node, flags, "start-period"),
    StartInterval: duration(node, flags, "start-interval"),
    Retries: retries(node, flags),
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0));
}

function duration(node: InstructionNode, flags: Flags, name: string): number {
  const word = flags.string(name);
  if (word === undefined || word.text === "") return 0;
  const value = parseDuration(word.text);
  if (value === 0 || (value !== undefined && value >= SHORTEST)) return value;
  throw flagError(
    node,
    word,
    `--${name} is a duration of at least 1ms, found ${JSON.stringify(word.text)}`,
    `Write it with its unit: --${name}=30s.`,
  );
}

function retries(node: InstructionNode, flags: Flags): number {
  const word = flags.string("retries");
  if (word === undefined || word.text === "") return 0;
  if (/^\+?\d{1,9}$/.test(word.text)) return Number(word.text);
  throw flagError(node, word, `--retries is a whole number, found ${JSON.stringify(word.text)}`, "Write --retries=3.");
}
