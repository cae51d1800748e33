import { cleanPath } from "../../../base/clean-path.ts";
import { AppError } from "../../../base/errors.ts";
import type { CopyStep, StepId } from "../../../engine/types.ts";
import type { Heredoc, Word } from "../ast.ts";
import { argumentsError, wordRange } from "../errors.ts";
import type { AddInstruction, CopyInstruction } from "../instructions/types.ts";
import { checkSources } from "./checks.ts";
import { normalizeOwner } from "./owner.ts";
import { contextStep, scratchSource, sourceStep } from "./sources.ts";
import { commitStep, expandText, expandWord, fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";
import { unsupported } from "./unsupported.ts";
import { heredocText } from "../heredoc.ts";
import { isSymbolicMode } from "../../../snapshot/symbolic-mode.ts";
import type { FileMode } from "../../../snapshot/symbolic-mode.ts";
import type { InlineFile } from "../../../worker/protocol.ts";

type Transfer = CopyInstruction | AddInstruction;

/** COPY, and ADD of files. */
export function convertCopy(state: StageState, copy: Transfer): void {
  const { node } = copy;
  const parents = copy.kind === "copy" && copy.parents;
  const unpack = copy.kind === "add" && (copy.unpack ?? true);
  const owner = optional(state, copy, copy.chown);
  const chmod = optional(state, copy, copy.chmod);
  const sources = copy.sources.map((word) => {
    const source = expandWord(state, node, word);
    refuseUrl(copy, word, source);
    return source;
  });
  if (copy.kind === "add" && copy.checksum !== undefined) throw localChecksum(copy, copy.checksum);
  const written = expandWord(state, node, copy.destination);
  const destination = cleanPath(fromWorkingDirectory(state, written));
  const excludes = copy.excludes.flatMap((word) => expandWord(state, node, word) || []);
  const inline = copy.heredocs.map((heredoc) => inlineFile(state, copy, heredoc));
  if (copy.kind === "add" || copy.from === undefined) checkSources(state, node, sources);
  const options = [
    ...(parents ? ["--parents"] : []),
    ...(owner === "" ? [] : [`--chown=${owner}`]),
    ...(chmod === "" ? [] : [`--chmod=${chmod}`]),
  ];
  const names = [...sources, ...inline.map(({ name }) => `<<${name}`)];
  commitStep(
    state,
    {
      kind: "copy",
      base: state.root,
      from: copySource(state, copy),
      // What --parents keeps begins at a pivot, which a clean path would have lost.
      paths: parents ? sources : sources.map(relativeToRoot),
      destination,
      intoDirectory: names.length > 1 || destination === "/" || namesDirectory(written),
      ...(owner !== "" && { owner: normalizeOwner(owner) }),
      ...(chmod !== "" && { mode: fileMode(copy, chmod) }),
      ...(parents && { parents }),
      ...(unpack && { unpack }),
      ...(excludes.length > 0 && { excludes }),
      ...(inline.length > 0 && { inline }),
      ...expectMachine(state, copy),
      // As BuildKit has it: with a mode to be changed it is a plain COPY.
      ...(copy.link && chmod === "" && { link: true }),
    },
    node,
    `${[node.name, ...options, ...names, written].join(" ")} # buildkit`,
  );
}

/** What leaves a stage that cross-compiles by itself must be for the target. */
function expectMachine({ layout, conversion }: StageState, copy: Transfer): Pick<CopyStep, "expectMachine"> {
  if (copy.kind !== "copy" || copy.from === undefined || layout.crossing !== undefined) return {};
  const from = layout.sources.get(copy.from);
  const crossing = from?.kind === "stage" ? conversion.layout.stages[from.index]?.crossing : undefined;
  if (crossing === undefined) return {};
  return { expectMachine: { platform: conversion.layout.target, origin: crossing.origin } };
}

/** Where a COPY takes its files from. Of heredocs alone it is nowhere. */
function copySource(state: StageState, copy: Transfer): StepId {
  if (copy.kind === "copy" && copy.from !== undefined) return sourceStep(state, copy.node, copy.from);
  return copy.sources.length === 0 ? scratchSource(state) : contextStep(state);
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
function localChecksum({ node }: Transfer, word: Word): AppError {
  return new AppError("DOCKERFILE_FLAG", "ADD: --checksum is for what is fetched from an address", {
    source: wordRange(node, word),
    hint: "Leave it out: files of the build context are always taken by their content.",
  });
}

function refuseUrl({ node }: Transfer, word: Word, source: string): void {
  if (!/^(?:https?|git|ssh):\/\/|^git@/.test(source)) return;
  if (node.name === "ADD") {
    throw unsupported("ADD of an address", wordRange(node, word), "Fetch it in a RUN, or before the build.");
  }
  throw new AppError("DOCKERFILE_ARGUMENTS", `COPY copies files, found the address ${source}`, {
    source: wordRange(node, word),
    hint: "Fetch it in a RUN, or before the build.",
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
