import { AppError } from "../../../base/errors.ts";
import type { Healthcheck } from "../../../oci/config.ts";
import type { InstructionNode, Word } from "../ast.ts";
import { wordRange } from "../errors.ts";
import { goQuoteList } from "../go-quote.ts";
import { formatDuration } from "../instructions/duration.ts";
import type {
  CmdInstruction,
  EntrypointInstruction,
  EnvInstruction,
  HealthcheckInstruction,
  LabelInstruction,
  UserInstruction,
  VolumeInstruction,
} from "../instructions/types.ts";
import { reportLegacyPair } from "../lint/outdated.ts";
import { checkSecretName } from "../lint/secrets.ts";
import { checkCommand, checkUsedOnce } from "./checks.ts";
import { commandLine } from "./run.ts";
import { commitEmpty, expandWord, placeOf, setVariable } from "./state.ts";
import type { StageState } from "./state.ts";

/** All pairs of one line are expanded before any of them is set. */
export function convertEnv(state: StageState, instruction: EnvInstruction): void {
  const pairs = expandPairs(state, instruction);
  let env = state.config.Env ?? [];
  for (const [index, [name, value]] of pairs.entries()) {
    checkPair(state, instruction, index);
    checkSecretName(state.conversion.linter, "ENV", name, placeOf(state, instruction.node));
    setVariable(state, name, value);
    env = withVariable(env, name, value);
  }
  state.config = { ...state.config, Env: env };
  commitEmpty(state, ["ENV", ...pairs.map(([name, value]) => `${name}=${value}`)].join(" "));
}

export function convertLabel(state: StageState, instruction: LabelInstruction): void {
  const pairs = expandPairs(state, instruction);
  pairs.forEach((_, index) => checkPair(state, instruction, index));
  state.config = { ...state.config, Labels: { ...state.config.Labels, ...Object.fromEntries(pairs) } };
  commitEmpty(state, ["LABEL", ...pairs.map(([name, value]) => `${name}=${value}`)].join(" "));
}

export function convertUser(state: StageState, { node, user: word }: UserInstruction): void {
  const user = expandWord(state, node, word);
  state.config = { ...state.config, User: user === "" ? undefined : user };
  commitEmpty(state, `USER ${user}`);
}

export function convertVolume(state: StageState, { node, paths: words }: VolumeInstruction): void {
  const paths = words.map((word) => {
    const path = expandWord(state, node, word);
    if (path === "") throw emptyVolume(node, word);
    return path;
  });
  const added = Object.fromEntries(paths.map((path) => [path, {}]));
  state.config = { ...state.config, Volumes: { ...state.config.Volumes, ...added } };
  commitEmpty(state, `VOLUME [${paths.join(" ")}]`);
}

export function convertCmd(state: StageState, { node, command }: CmdInstruction): void {
  checkUsedOnce(state, node);
  checkCommand(state, node, command);
  const argv = commandLine(state, command);
  // ArgsEscaped is what BuildKit sets, for Docker on Windows.
  state.config = { ...state.config, Cmd: argv.length > 0 ? argv : undefined, ArgsEscaped: true };
  state.hasCmd = true;
  commitEmpty(state, `CMD ${goQuoteList(argv)}`);
}

/** An inherited CMD was meant for the inherited entry point: it goes, unless this stage gave it. */
export function convertEntrypoint(state: StageState, { node, command }: EntrypointInstruction): void {
  checkUsedOnce(state, node);
  checkCommand(state, node, command);
  const argv = commandLine(state, command);
  const Cmd = state.hasCmd ? state.config.Cmd : undefined;
  state.config = { ...state.config, Entrypoint: argv.length > 0 ? argv : undefined, Cmd };
  commitEmpty(state, `ENTRYPOINT ${goQuoteList(argv)}`);
}

export function convertHealthcheck(state: StageState, { node, healthcheck }: HealthcheckInstruction): void {
  checkUsedOnce(state, node);
  state.config = { ...state.config, Healthcheck: healthcheck };
  commitEmpty(state, `HEALTHCHECK ${describeHealthcheck(healthcheck)}`);
}

function emptyVolume(node: InstructionNode, word: Word): AppError {
  return new AppError("DOCKERFILE_ARGUMENTS", `VOLUME: ${word.text} is empty`, {
    source: wordRange(node, word),
    hint: "Give its variables a value with ARG or ENV, or remove it.",
  });
}

/** Go's `%+v` of the structure. */
function describeHealthcheck(healthcheck: Healthcheck): string {
  const times = (["Interval", "Timeout", "StartPeriod", "StartInterval"] as const).map(
    (name) => `${name}:${formatDuration(healthcheck[name] ?? 0)}`,
  );
  return `{Test:[${(healthcheck.Test ?? []).join(" ")}] ${times.join(" ")} Retries:${healthcheck.Retries ?? 0}}`;
}

function expandPairs(
  state: StageState,
  { node, pairs }: EnvInstruction | LabelInstruction,
): readonly (readonly [string, string])[] {
  return pairs.map(({ key, value }) => [expandWord(state, node, key), expandWord(state, node, value)]);
}

function checkPair(state: StageState, { node, pairs }: EnvInstruction | LabelInstruction, index: number): void {
  if (pairs[index]!.legacy) reportLegacyPair(state.conversion.linter, node.keyword, placeOf(state, node));
}

/** A variable that is there keeps its place. */
function withVariable(env: readonly string[], name: string, value: string): readonly string[] {
  const entry = `${name}=${value}`;
  const index = env.findIndex((existing) => existing.split("=", 1)[0] === name);
  return index < 0 ? [...env, entry] : env.with(index, entry);
}
