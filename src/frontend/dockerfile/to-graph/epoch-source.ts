import { AppError } from "../../../base/errors.ts";
import type { SourceRange } from "../../../base/source.ts";
import { isAddress } from "../../context/address.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import type { Environment } from "../expansion/expand.ts";
import type { AddInstruction, ArgInstruction, Stage } from "../instructions/types.ts";
import type { Globals } from "./globals.ts";
import type { PlanRequest, TimeSource } from "./request.ts";
import { expandAt } from "./words.ts";

interface Options {
  readonly globals: Globals;
  readonly escape: EscapeCharacter;
}

/** What `name` takes the time of the build from: BuildKit's order. Undefined where it names nothing. */
export function timeSource(
  name: string,
  stages: readonly Stage[],
  request: PlanRequest,
  options: Options,
): TimeSource | undefined {
  if (name === "context") return { kind: "context" };
  const key = name.toLowerCase();
  if (request.contexts?.has(key) === true) return { kind: "named", name: key };
  const stage = stages.find(({ from }) => from.name === key);
  return stage === undefined ? undefined : stageSource(stage, request, options);
}

/** A stage that only says where a remote file or repository is: FROM scratch, ARGs and one ADD. */
function stageSource(stage: Stage, { buildArgs }: PlanRequest, { globals, escape }: Options): TimeSource {
  const { from, instructions } = stage;
  const { SOURCE_DATE_EPOCH: _itself, ...values } = Object.fromEntries(globals.values);
  let env: Environment = new Map(Object.entries(values));
  const expand = (node: InstructionNode, word: Word): string => expandAt(node, word, env, escape).text;
  if (expand(from.node, from.image) !== "scratch") throw unfit("begins FROM scratch", from.node.source);
  let source: TimeSource | undefined;
  for (const instruction of instructions) {
    if (instruction.kind === "arg") env = withArgs(env, instruction, buildArgs, expand);
    else if (instruction.kind !== "add") throw unfit("has ARG and one ADD and nothing else", instruction.node.source);
    else if (source !== undefined) throw unfit("has one ADD", instruction.node.source);
    else source = addSource(instruction, expand);
  }
  if (source === undefined) throw unfit("has an ADD of an address", from.node.source);
  return source;
}

type Expand = (node: InstructionNode, word: Word) => string;

function withArgs(
  env: Environment,
  { node, args }: ArgInstruction,
  buildArgs: PlanRequest["buildArgs"],
  expand: Expand,
): Environment {
  const next = new Map(env);
  for (const { name, value } of args) {
    const given = Object.hasOwn(buildArgs, name.text) ? buildArgs[name.text] : undefined;
    const text = given ?? (value === undefined ? undefined : expand(node, value));
    if (text !== undefined) next.set(name.text, text);
  }
  return next;
}

function addSource({ node, sources, heredocs, checksum }: AddInstruction, expand: Expand): TimeSource {
  const [word] = sources;
  if (word === undefined || sources.length > 1 || heredocs.length > 0) throw unfit("adds one source", node.source);
  const address = expand(node, word);
  if (!isAddress(address)) throw unfit("adds an http or git address", node.source);
  return { kind: "remote", address, ...(checksum !== undefined && { checksum: expand(node, checksum) }) };
}

function unfit(rule: string, source: SourceRange): AppError {
  return new AppError("DOCKERFILE_EPOCH", `SOURCE_DATE_EPOCH names a stage, and such a stage ${rule}`, {
    source,
    hint: "Give SOURCE_DATE_EPOCH a number of seconds, or name another stage.",
  });
}
