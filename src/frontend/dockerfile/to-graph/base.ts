import { AppError, withSource } from "../../../base/errors.ts";
import { formatPlatform, parsePlatform } from "../../../oci/platform.ts";
import type { ImageLayout } from "../../../engine/types.ts";
import type { Platform } from "../../../oci/platform.ts";
import { parseReference, withDefaultTag } from "../../../oci/reference.ts";
import type { Reference } from "../../../oci/reference.ts";
import type { Word, InstructionNode } from "../ast.ts";
import { variableRange, wordRange } from "../errors.ts";
import type { Stage } from "../instructions/types.ts";
import { didYouMean } from "../suggest.ts";
import type { LayoutOptions } from "./layout.ts";
import type { ContextFiles } from "./sources.ts";
import { expandAt } from "./words.ts";

/** What a stage begins with, or COPY --from copies from. */
export type Base =
  | { readonly kind: "scratch"; readonly platform: Platform }
  | { readonly kind: "stage"; readonly index: number }
  | DirectoryBase
  | ImageBase;

/** Files that were given a name. */
export interface DirectoryBase {
  readonly kind: "directory";
  readonly files: ContextFiles;
  readonly name: string;
  readonly platform: Platform;
}

export interface ImageBase {
  readonly kind: "image";
  readonly reference: Reference;
  readonly layout?: ImageLayout | undefined;
  /** The name after expansion, as a person wrote it. */
  readonly name: string;
  readonly platform: Platform;
  /** Where it is named. */
  readonly node: InstructionNode;
  readonly word: Word;
}

/** An earlier stage of that name, `scratch`, or an image. */
export function baseOf(stage: Stage, stages: readonly Stage[], options: LayoutOptions): Base {
  const { node, image: word } = stage.from;
  const platform = requestedPlatform(stage, options);
  return expandFrom(stage, word, options, "image", (name) => {
    const named = namedBase({ name, platform, node, word }, stage, stages, options);
    if (named !== undefined) return named;
    const index = stages.findLastIndex(({ from }, at) => at < stage.index && from.name === name.toLowerCase());
    if (index >= 0) return { kind: "stage", index };
    if (name === "scratch") return { kind: "scratch", platform: options.target };
    const reference = withDefaultTag(parseReference(name));
    return { kind: "image", reference, name, platform, node, word };
  });
}

type Naming = Pick<ImageBase, "name" | "platform" | "node" | "word">;

/** What the request says that a name stands for: `NAME::PLATFORM` before `NAME`, and `NAME` for `NAME:latest` too. */
export function namedBase(
  naming: Naming,
  stage: Stage,
  stages: readonly Stage[],
  { contexts, target }: Pick<LayoutOptions, "contexts" | "target">,
): Base | undefined {
  const name = naming.name.toLowerCase().replace(/:latest$/, "");
  const found = contexts.get(`${name}::${formatPlatform(naming.platform)}`) ?? contexts.get(name);
  if (found === undefined) return undefined;
  switch (found.kind) {
    case "directory":
      return { kind: "directory", files: found, name: naming.name, platform: naming.platform };
    case "files":
      return { kind: "directory", files: found.files, name: naming.name, platform: naming.platform };
    case "stage":
      return namedStage(naming, found.name, stage, stages);
    case "image": {
      if (found.name === "scratch") return { kind: "scratch", platform: target };
      const reference = withDefaultTag(parseReference(found.name));
      return { kind: "image", ...naming, reference, name: found.name, ...(found.layout && { layout: found.layout }) };
    }
  }
}

function namedStage({ name, node, word }: Naming, wanted: string, stage: Stage, stages: readonly Stage[]): Base {
  const index = stages.findLastIndex(({ from }) => from.name === wanted.toLowerCase());
  if (index >= 0 && index < stage.index) return { kind: "stage", index };
  throw new AppError(
    index < 0 ? "DOCKERFILE_UNKNOWN_STAGE" : "DOCKERFILE_STAGE_ORDER",
    `${name} stands for stage ${wanted}, ${index < 0 ? "which there is none of" : "which does not begin before this one"}`,
    { source: wordRange(node, word), hint: `Correct --build-context ${name}=target:${wanted}.` },
  );
}

/** The platform a FROM asks for; scratch and stages take none. */
function requestedPlatform(stage: Stage, options: LayoutOptions): Platform {
  const { platform: word } = stage.from;
  if (word === undefined || word.text === "")
    return options.crossing.stages.has(stage.index) ? options.buildPlatform : options.target;
  return expandFrom(stage, word, options, "platform", (text) => parsePlatform(text, options.buildPlatform));
}

/**
 * Expands a word of FROM with the global args and reads it. Where it cannot be read and a variable in
 * it has no value, that is the error: `FROM golang:$VERSION` fails on VERSION, not on `golang:`.
 */
function expandFrom<T>(
  stage: Stage,
  word: Word,
  options: LayoutOptions,
  what: "image" | "platform",
  read: (text: string) => T,
): T {
  const { node } = stage.from;
  const { text, unmatched } = expandAt(node, word, options.globals.values, options.escape);
  const [missing] = unmatched;
  try {
    if (text === "") throw emptyName(word, what);
    return read(text);
  } catch (error) {
    throw missing === undefined
      ? withSource(error, wordRange(node, word))
      : undefinedArg(stage, word, missing, text, options);
  }
}

function emptyName(word: Word, what: string): AppError {
  return new AppError("DOCKERFILE_EMPTY_NAME", `FROM: ${what} ${word.text} is empty`, {
    hint: "Give the variables in it a value, by ARG NAME=VALUE before the first FROM or by --build-arg.",
  });
}

function undefinedArg(stage: Stage, word: Word, name: string, text: string, { globals }: LayoutOptions): AppError {
  const isDeclared = globals.declared.has(name);
  return new AppError(
    "DOCKERFILE_UNDEFINED_ARG",
    `FROM uses ${name}, which ${isDeclared ? "has no value" : "is not declared before the first FROM"}: ` +
      `${word.text} is ${JSON.stringify(text)}`,
    {
      source: variableRange(stage.from.node, word, name),
      hint: isDeclared
        ? `Pass --build-arg ${name}=VALUE, or give it a default: ARG ${name}=VALUE.`
        : `${didYouMean(name, globals.values.keys())}Write ARG ${name}=VALUE above the first FROM; ARGs inside a stage do not count here.`,
    },
  );
}
