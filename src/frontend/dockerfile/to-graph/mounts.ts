import { cleanPath } from "../../../base/clean-path.ts";
import type { StepId, StepMount } from "../../../engine/types.ts";
import { literalPattern } from "../../../snapshot/glob.ts";
import type { Word } from "../ast.ts";
import { flagError } from "../instructions/flags.ts";
import { parseMount } from "../instructions/mount.ts";
import type { MountOptions } from "../instructions/mount.ts";
import type { RunInstruction } from "../instructions/types.ts";
import { contextStep, scratchSource, sourceStep } from "./sources.ts";
import { expandWord, fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";

/** The mounts of a RUN, in the order they are written. */
export function convertMounts(state: StageState, run: RunInstruction): readonly StepMount[] {
  let agents = 0;
  return run.mounts.map((word) => {
    const options = parseMount(run.node, word, (text) => expandWord(state, run.node, { ...word, text }));
    if (options.type === "ssh") return agentMount(state, options, agents++);
    return convertMount(state, run, word, options);
  });
}

/** Part of the context is copied to this path of an empty root, and mounted from there. */
const CONTEXT_COPY = "/context";

function convertMount(state: StageState, run: RunInstruction, word: Word, options: MountOptions): StepMount {
  const { readonly } = options;
  switch (options.type) {
    case "bind": {
      const target = targetOf(state, run, word, options);
      const base = state.layout.sources.get(word);
      if (options.from !== undefined && base?.kind !== "directory") {
        return { kind: "bind", from: sourceStep(state, run.node, word), source: sourceOf(options), target, readonly };
      }
      return { kind: "bind", from: contextCopy(state, run, options, word), source: CONTEXT_COPY, target, readonly };
    }
    case "cache":
      return cacheMount(state, run, word, options);
    case "tmpfs": {
      const target = targetOf(state, run, word, options);
      return { kind: "tmpfs", target, ...(options.size !== undefined && { size: options.size }) };
    }
    case "secret":
    case "ssh":
      return secretMount(state, options);
  }
}

/** Files of the context that .dockerignore leaves, owned by root as COPY has them. */
function contextCopy(state: StageState, { node }: RunInstruction, options: MountOptions, word: Word): StepId {
  const path = sourceOf(options).slice(1) || ".";
  return state.conversion.graph.add(
    {
      kind: "copy",
      base: scratchSource(state),
      from: options.from === undefined ? contextStep(state) : sourceStep(state, node, word),
      paths: [literalPattern(path)],
      destination: CONTEXT_COPY,
      intoDirectory: false,
    },
    {
      stage: `mount ${path}`,
      text: `load ${path} of the build context`,
      target: state.conversion.layout.target,
      source: node.source,
    },
  );
}

function cacheMount(state: StageState, run: RunInstruction, word: Word, options: MountOptions): StepMount {
  const fallback = cleanPath(options.target ?? "");
  const namespace = state.conversion.request.buildArgs["BUILDKIT_CACHE_MOUNT_NS"] ?? "";
  const id = options.id || fallback;
  const sharing = options.sharing ?? "shared";
  return {
    kind: "cache",
    id: `${namespace}/${id}`,
    named: id !== fallback || sharing !== "shared",
    sharing,
    target: targetOf(state, run, word, options),
    readonly: options.readonly,
    ...cacheSource(state, run, word, options),
    mode: options.mode ?? 0o755,
    uid: options.uid ?? 0,
    gid: options.gid ?? 0,
  };
}

/** What a new cache begins with. */
function cacheSource(
  state: StageState,
  run: RunInstruction,
  word: Word,
  options: MountOptions,
): { readonly from?: StepId; readonly source: string } {
  if (options.from === undefined) return { source: sourceOf(options) };
  const isFiles = state.layout.sources.get(word)?.kind === "directory";
  return isFiles
    ? { from: contextCopy(state, run, options, word), source: CONTEXT_COPY }
    : { from: sourceStep(state, run.node, word), source: sourceOf(options) };
}

function secretMount(state: StageState, options: MountOptions): StepMount {
  const { target, env, required, mode = 0o400, uid = 0, gid = 0 } = options;
  const id = options.source || options.id || baseOf(target ?? "");
  const path = target || (env === undefined ? `/run/secrets/${baseOf(id)}` : undefined);
  return {
    kind: "secret",
    id,
    ...(path !== undefined && { target: cleanPath(fromWorkingDirectory(state, path)) }),
    ...(env !== undefined && { env: env || id }),
    ...{ required, mode, uid, gid },
  };
}

function agentMount(state: StageState, options: MountOptions, index: number): StepMount {
  const { id, target, required, mode = 0o600, uid = 0, gid = 0 } = options;
  const path = cleanPath(fromWorkingDirectory(state, target || `/run/buildkit/ssh_agent.${index}`));
  return { kind: "ssh", id: id || "default", target: path, required, mode, uid, gid };
}

/** A relative target is in the working directory, and none at all is the working directory itself. */
function targetOf(state: StageState, run: RunInstruction, word: Word, { target = "" }: MountOptions): string {
  const path = cleanPath(fromWorkingDirectory(state, target));
  if (path !== "/") return path;
  throw flagError(run.node, word, "--mount has the root for its target", "Write target=PATH with another path.");
}

/** Sources cannot leave their root. */
function sourceOf({ source = "" }: MountOptions): string {
  return cleanPath(`/${source}`);
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
