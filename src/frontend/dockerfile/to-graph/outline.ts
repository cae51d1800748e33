import type { SourceRange } from "../../../base/source.ts";
import type { InstructionNode, Word } from "../ast.ts";
import { expand } from "../expansion/expand.ts";
import { mountFields } from "../instructions/mount-values.ts";
import { parseStages } from "../instructions/parse.ts";
import type { ArgInstruction, Instruction } from "../instructions/types.ts";
import { parseDockerfile } from "../parse.ts";
import { NO_CROSSING } from "./cross.ts";
import { globalsFor } from "./globals.ts";
import type { Globals } from "./globals.ts";
import { layOut } from "./layout.ts";
import type { Layout, StageLayout } from "./layout.ts";
import type { PlanRequest } from "./request.ts";
import { findTarget } from "./target.ts";

/** What a stage may be given from outside. */
export interface Outline {
  /** Of the stage; undefined where it has none. */
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly args: readonly OutlineArg[];
  readonly secrets: readonly OutlineMount[];
  readonly agents: readonly OutlineMount[];
}

export interface OutlineArg {
  readonly name: string;
  readonly description: string | undefined;
  /** As it is without further flags. */
  readonly value: string | undefined;
  readonly source: SourceRange;
}

export interface OutlineMount {
  readonly id: string;
  readonly required: boolean;
  readonly source: SourceRange;
}

/** A stage that can be built. */
export interface OutlineTarget {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly base: string;
  readonly platform: string | undefined;
  readonly isDefault: boolean;
  readonly source: SourceRange;
}

/** Every stage of the file, in its order. */
export function targetsOf({ dockerfile }: Pick<PlanRequest, "dockerfile">): readonly OutlineTarget[] {
  const { stages } = parseStages(parseDockerfile(dockerfile));
  return stages.map(({ from, index }) => ({
    name: from.name,
    description: descriptionOf(from.node, from.name),
    base: from.image.text,
    platform: from.platform?.text,
    isDefault: index === stages.length - 1,
    source: from.node.source,
  }));
}

/**
 * The args, secrets and agents that the wanted stage and those it needs ask for, in the order of the
 * file. No image is looked up: what triggers of bases would ask for is not known.
 */
export function outlineOf(request: PlanRequest): Outline {
  const { escape, ...file } = parseDockerfile(request.dockerfile);
  const { globalArgs, stages } = parseStages({ escape, ...file });
  const goal = findTarget(stages, request.target);
  const { buildPlatform, buildArgs, contexts = new Map() } = request;
  const target = request.platforms[0]!;
  const targetStage = request.target ?? stages.at(-1)!.from.name ?? "default";
  const globals = globalsFor(target, { args: globalArgs, escape, buildPlatform, buildArgs, targetStage });
  const nothing = { triggers: new Map(), crossing: NO_CROSSING };
  const layout = layOut(stages, { target, buildPlatform, globals, escape, goal, contexts, ...nothing });
  const mounts = layout.reachable.flatMap(({ stage }) => stage.instructions.flatMap(mountsOf));
  return {
    name: goal.from.name,
    description: descriptionOf(goal.from.node, goal.from.name),
    args: argsOf(layout, globalArgs, buildArgs),
    secrets: unique(mounts.filter(({ type }) => type === "secret")),
    agents: unique(mounts.filter(({ type }) => type === "ssh")),
  };
}

/** Global ARGs that FROMs or stages use, and those that stages declare with a value of their own. */
function argsOf(
  { goal, reachable, globals }: Layout,
  globalArgs: readonly ArgInstruction[],
  buildArgs: PlanRequest["buildArgs"],
): readonly OutlineArg[] {
  const declared = globalArgs.flatMap(({ node, args }) => args.map((arg) => ({ node, ...arg })));
  const used = usedGlobals(reachable, declared);
  const own = ownArgs(reachable, globals, buildArgs);
  const found = new Map<string, OutlineArg>();
  // The goal's own word counts before that of the stages it needs.
  for (const { stage } of [goal, ...reachable.toReversed()])
    for (const arg of own.get(stage.index) ?? []) if (!found.has(arg.name)) found.set(arg.name, arg);
  for (const { node, name } of declared)
    if (used.has(name.text) && !found.has(name.text))
      found.set(name.text, outlineArg(node, name.text, globals.values.get(name.text)));
  return [...found.values()].sort(byPlace);
}

/** The args that each stage declares with a value of its own, or that have none, with what they are then. */
function ownArgs(
  reachable: readonly StageLayout[],
  globals: Globals,
  buildArgs: PlanRequest["buildArgs"],
): ReadonlyMap<number, readonly OutlineArg[]> {
  const environments = new Map<number, ReadonlyMap<string, string>>();
  const found = new Map<number, readonly OutlineArg[]>();
  for (const { stage, base } of reachable) {
    const env = new Map(base.kind === "stage" ? environments.get(base.index) : []);
    const args: OutlineArg[] = [];
    for (const instruction of stage.instructions) {
      if (instruction.kind === "env")
        for (const { key, value } of instruction.pairs) env.set(key.text, expand(value.text, env).text);
      for (const { node, name, value } of argPairs(instruction)) {
        const given = Object.hasOwn(buildArgs, name.text) ? buildArgs[name.text] : undefined;
        const own = given ?? (value === undefined ? undefined : expand(value.text, env).text);
        const text = own ?? globals.values.get(name.text);
        if (text !== undefined) env.set(name.text, text);
        // One that only takes the global's value is told of where that is.
        if (own !== undefined || text === undefined) args.push(outlineArg(node, name.text, own));
      }
    }
    environments.set(stage.index, env);
    found.set(stage.index, args);
  }
  return found;
}

type Declared = { readonly node: InstructionNode; readonly name: Word; readonly value?: Word | undefined };

function usedGlobals(reachable: readonly StageLayout[], declared: readonly Declared[]): ReadonlySet<string> {
  const used = new Set<string>();
  const use = (text: string): void => {
    for (const [, name = ""] of text.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g)) {
      if (used.has(name)) continue;
      used.add(name);
      for (const { name: other, value } of declared) if (other.text === name && value !== undefined) use(value.text);
    }
  };
  for (const { stage } of reachable) {
    use(stage.from.image.text);
    use(stage.from.platform?.text ?? "");
    for (const { name, value } of stage.instructions.flatMap(argPairs)) use(value?.text ?? `$${name.text}`);
  }
  return used;
}

function argPairs(instruction: Instruction): readonly Declared[] {
  return instruction.kind === "arg" ? instruction.args.map((arg) => ({ node: instruction.node, ...arg })) : [];
}

function outlineArg(node: InstructionNode, name: string, value: string | undefined): OutlineArg {
  return { name, description: descriptionOf(node, name), value, source: node.source };
}

/** `# NAME what it is for` above the instruction. */
function descriptionOf({ comments }: InstructionNode, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  return comments.find((comment) => comment.startsWith(`${name} `))?.slice(name.length + 1);
}

type Mount = OutlineMount & { readonly type: string };

function mountsOf(instruction: Instruction): readonly Mount[] {
  if (instruction.kind !== "run") return [];
  const { node, mounts } = instruction;
  return mounts.flatMap((word) => {
    const fields = new Map(mountFields(word.text).map(({ key, value }) => [key, value]));
    const type = fields.get("type") ?? "bind";
    if (type !== "secret" && type !== "ssh") return [];
    const target = fields.get("target") ?? fields.get("dst") ?? fields.get("destination");
    const id = fields.get("id") ?? (type === "ssh" ? "default" : target?.split("/").at(-1));
    if (id === undefined) return [];
    const required = fields.has("required") && !/^(?:0|f|false)$/i.test(fields.get("required") ?? "true");
    return [{ type, id, required, source: node.source }];
  });
}

function unique(mounts: readonly Mount[]): readonly OutlineMount[] {
  const byId = new Map<string, OutlineMount>();
  for (const { type: _type, ...mount } of mounts) if (!byId.has(mount.id)) byId.set(mount.id, mount);
  return [...byId.values()].sort(byPlace);
}

function byPlace(a: { readonly source: SourceRange }, b: { readonly source: SourceRange }): number {
  return a.source.start.line - b.source.start.line;
}
