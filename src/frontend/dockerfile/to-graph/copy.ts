import { cleanPath } from "../../../base/clean-path.ts";
import { AppError } from "../../../base/errors.ts";
import { redactUserinfo } from "../../../base/redact.ts";
import type { CopyStep, MoreSources, StepId } from "../../../engine/types.ts";
import type { Heredoc, Word } from "../ast.ts";
import { argumentsError, wordRange } from "../errors.ts";
import type { AddInstruction, CopyInstruction } from "../instructions/types.ts";
import { checkSources } from "./checks.ts";
import { normalizeOwner } from "./owner.ts";
import { remoteSource } from "./remote-source.ts";
import { contextStep, remoteStep, scratchSource, sourceStep } from "./sources.ts";
import { commitStep, expandText, expandWord, fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";
import { heredocText } from "../heredoc.ts";
import { literalPattern } from "../../../snapshot/glob.ts";
import { isSymbolicMode } from "../../../snapshot/symbolic-mode.ts";
import type { FileMode } from "../../../snapshot/symbolic-mode.ts";
import type { InlineFile } from "../../../worker/protocol.ts";

type Transfer = CopyInstruction | AddInstruction;

/** COPY, and ADD of files. */
export function convertCopy(state: StageState, copy: Transfer): void {
  const { node } = copy;
  const parents = copy.kind === "copy" && copy.parents;
  const owner = optional(state, copy, copy.chown);
  const chmod = optional(state, copy, copy.chmod);
  const sources = copy.sources.map((word) => expandWord(state, node, word));
  const [first, ...more] = sourceGroups(state, copy, sources, parents);
  const written = expandWord(state, node, copy.destination);
  const destination = cleanPath(fromWorkingDirectory(state, written));
  // BuildKit v0.30.0 does not expand these.
  const excludes = copy.excludes.flatMap(({ text }) => text || []);
  const inline = copy.heredocs.map((heredoc) => inlineFile(state, copy, heredoc));
  if (copy.kind === "add" || copy.from === undefined) checkSources(state, node, sources);
  const names = [...sources.map(redactUserinfo), ...inline.map(({ name }) => `<<${name}`)];
  commitStep(
    state,
    {
      kind: "copy",
      base: state.root,
      from: first?.from ?? scratchSource(state),
      paths: first?.paths ?? [],
      destination,
      intoDirectory: names.length > 1 || destination === "/" || namesDirectory(written),
      ...(owner !== "" && { owner: normalizeOwner(owner) }),
      ...(chmod !== "" && { mode: fileMode(copy, chmod) }),
      ...(parents && { parents }),
      ...(first?.unpack === true && { unpack: true }),
      ...(more.length > 0 && { more }),
      ...(excludes.length > 0 && { excludes }),
      ...(inline.length > 0 && { inline }),
      ...expectMachine(state, copy),
      // As BuildKit has it: with a mode to be changed it is a plain COPY.
      ...(copy.link && chmod === "" && { link: true }),
    },
    node,
    `${[node.name, ...flagsOf(parents, owner, chmod), ...names, written].join(" ")} # buildkit`,
  );
}

/** Those that the history tells of. */
function flagsOf(parents: boolean, owner: string, chmod: string): readonly string[] {
  return [
    ...(parents ? ["--parents"] : []),
    ...(owner === "" ? [] : [`--chown=${owner}`]),
    ...(chmod === "" ? [] : [`--chmod=${chmod}`]),
  ];
}

/** What leaves a stage that cross-compiles by itself must be for the target. */
function expectMachine({ layout, conversion }: StageState, copy: Transfer): Pick<CopyStep, "expectMachine"> {
  if (copy.kind !== "copy" || copy.from === undefined || layout.crossing !== undefined) return {};
  const from = layout.sources.get(copy.from);
  const crossing = from?.kind === "stage" ? conversion.layout.stages[from.index]?.crossing : undefined;
  if (crossing === undefined) return {};
  return { expectMachine: { platform: conversion.layout.target, origin: crossing.origin } };
}

/** What is copied, in order: neighbours from one place together. Of heredocs alone there is none. */
function sourceGroups(
  state: StageState,
  copy: Transfer,
  sources: readonly string[],
  parents: boolean,
): readonly MoreSources[] {
  const checksum = copy.kind === "add" ? optional(state, copy, copy.checksum) : "";
  const groups: { from: StepId; paths: string[]; unpack: boolean; isRemote: boolean }[] = [];
  for (const [index, source] of sources.entries()) {
    const remote = remoteSource(copy, copy.sources[index]!, source, checksum);
    if (remote !== undefined) {
      const from = remoteStep(state, copy.node, remote);
      // As in BuildKit, what comes from elsewhere is unpacked only where that is asked for.
      const unpack = copy.kind === "add" && copy.unpack === true;
      groups.push({ from, paths: [remote.kind === "git" ? "." : literalPattern(remote.name)], unpack, isRemote: true });
      continue;
    }
    // What --parents keeps begins at a pivot, which a clean path would have lost.
    const path = parents ? source : relativeToRoot(source);
    const last = groups.at(-1);
    if (last?.isRemote === false) last.paths.push(path);
    else groups.push({ ...localGroup(state, copy), paths: [path], isRemote: false });
  }
  const known = copy.kind === "add" ? copy.checksum : undefined;
  if (known !== undefined && checksum !== "") checkChecksumUse(copy, known, groups);
  return groups.map(({ from, paths, unpack }) => ({ from, paths, unpack }));
}

function localGroup(state: StageState, copy: Transfer): Pick<MoreSources, "from" | "unpack"> {
  const named = copy.kind === "copy" ? copy.from : undefined;
  const from = named === undefined ? contextStep(state) : sourceStep(state, copy.node, named);
  return { from, unpack: copy.kind === "add" && (copy.unpack ?? true) };
}

/** The value of a flag that may be absent; absent and empty are the same. */
function optional(state: StageState, { node }: Transfer, word: Word | undefined): string {
  return word === undefined ? "" : expandWord(state, node, word);
}

/** A source cannot leave its root: `../x` is `x`, as in BuildKit. The root itself is `.`. */
export function relativeToRoot(source: string): string {
  return cleanPath(`/${source}`).slice(1) || ".";
}

function namesDirectory(written: string): boolean {
  return written === "" || written === "." || written.endsWith("/") || written.endsWith("/.");
}

/** BuildKit's words: "checksum requires HTTP(S) or Git sources". */
function checkChecksumUse(
  { node, sources, heredocs }: Transfer,
  word: Word,
  groups: readonly { readonly isRemote: boolean }[],
): void {
  const source = wordRange(node, word);
  if (sources.length + heredocs.length !== 1) {
    throw new AppError("DOCKERFILE_FLAG", "ADD: --checksum is for one source", {
      source,
      hint: "Write an ADD for each source that has a checksum.",
    });
  }
  if (groups.every(({ isRemote }) => isRemote)) return;
  throw new AppError("DOCKERFILE_FLAG", "ADD: --checksum is for what is fetched from an address", {
    source,
    hint: "Leave it out: files of the build context are always taken by their content.",
  });
}

function fileMode({ node, chmod: word }: Transfer, text: string): FileMode {
  if (/^[0-7]+$/.test(text) && Number.parseInt(text, 8) <= 0o7777) return Number.parseInt(text, 8);
  if (isSymbolicMode(text)) return text;
  throw new AppError(
    "DOCKERFILE_FLAG",
    `${node.name}: --chmod is an octal number up to 7777 or letters as of chmod(1), found ${JSON.stringify(text)}`,
    {
      source: wordRange(node, word!),
      hint: "Write --chmod=755 or --chmod=u=rwX,go=rX.",
    },
  );
}

/** The file that a heredoc is. Quotes in its text mean nothing, and its variables are as the stage has them. */
function inlineFile(state: StageState, { node }: Transfer, heredoc: Heredoc): InlineFile {
  const { name } = heredoc;
  if (name.includes("/") || name === "." || name === "..") {
    throw argumentsError(node, `has a heredoc called ${name}, which is no name of a file`, `${node.name} <<NAME PATH`);
  }
  const text = heredocText(heredoc);
  return { name, content: heredoc.expand ? expandText(state, node, text) : text };
}
