import { parsePlatform } from "../../../oci/platform.ts";
import { parseReference } from "../../../oci/reference.ts";
import type { EscapeCharacter, InstructionNode, Word } from "../ast.ts";
import { variableRange, wordRange } from "../errors.ts";
import { expand } from "../expansion/expand.ts";
import type { Environment, Expansion } from "../expansion/expand.ts";
import { goQuote } from "../go-quote.ts";
import type { Stage } from "../instructions/types.ts";
import { suggestCased } from "../suggest.ts";
import type { Linter } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const UNDEFINED_ARG_IN_FROM: Rule = {
  name: "UndefinedArgInFrom",
  description: "FROM command must use declared ARGs",
  url: "https://docs.docker.com/go/dockerfile/rule/undefined-arg-in-from/",
  severity: "warning",
  hint: "Write ARG NAME=VALUE above the first FROM; ARGs inside a stage do not count here.",
};

export const INVALID_DEFAULT_ARG_IN_FROM: Rule = {
  name: "InvalidDefaultArgInFrom",
  description: "Default value for global ARG results in an empty or invalid base image name",
  url: "https://docs.docker.com/go/dockerfile/rule/invalid-default-arg-in-from/",
  severity: "warning",
  hint: "Give the ARG a default that makes the name of an image, so that it builds without --build-arg.",
};

export const REDUNDANT_TARGET_PLATFORM: Rule = {
  name: "RedundantTargetPlatform",
  description: "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
  url: "https://docs.docker.com/go/dockerfile/rule/redundant-target-platform/",
  severity: "warning",
  hint: "Leave --platform out.",
};

export const FROM_PLATFORM_FLAG_CONST_DISALLOWED: Rule = {
  name: "FromPlatformFlagConstDisallowed",
  description: "FROM --platform flag should not use a constant value",
  url: "https://docs.docker.com/go/dockerfile/rule/from-platform-flag-const-disallowed/",
  severity: "warning",
  hint: "Leave it out, write $BUILDPLATFORM, or name the stage after the platform it is for.",
};

/** What FROM may use. */
export interface FromScope {
  readonly values: Environment;
  /** ARGs before the first FROM, with a value or without. */
  readonly declared: ReadonlySet<string>;
  readonly escape: EscapeCharacter;
}

/** With the defaults of the global ARGs alone, every FROM should name an image. */
export function checkDefaultNames(linter: Linter, stages: readonly Stage[], defaults: () => FromScope): void {
  const scope = attempt(defaults);
  if (scope === undefined) return;
  for (const { from } of stages) {
    const name = expandIn(from.image, scope);
    if (name === undefined) return;
    if (isReference(name.text)) continue;
    const message = `Default value for ARG ${from.image.text} results in empty or invalid base image name`;
    linter.report(INVALID_DEFAULT_ARG_IN_FROM, message, { source: from.node.source });
  }
}

/** Looks at the words of every FROM up to the first that cannot be read: that one is an error elsewhere. */
export function checkFromWords(linter: Linter, stages: readonly Stage[], scope: FromScope): void {
  for (const { from } of stages) {
    const { node, image, platform } = from;
    const name = expandIn(image, scope);
    if (name === undefined) return;
    reportUndeclared(linter, node, image, name, scope);
    if (name.text === "") return;
    if (platform === undefined || platform.text === "") continue;
    const asked = expandIn(platform, scope);
    if (asked === undefined) return;
    reportUndeclared(linter, node, platform, asked, scope);
    reportRedundantPlatform(linter, node, platform, asked, scope);
    reportConstantPlatform(linter, node, platform, asked, from.name ?? "");
    if (readPlatform(asked.text) === undefined) return;
  }
}

function reportUndeclared(
  linter: Linter,
  node: InstructionNode,
  word: Word,
  { unmatched }: Expansion,
  { values, declared }: FromScope,
): void {
  for (const name of unmatched) {
    if (declared.has(name)) continue;
    const similar = suggestCased(name, [...declared, ...values.keys()]);
    const guess = similar === undefined ? "" : ` (did you mean ${similar}?)`;
    const message = `FROM argument '${name}' is not declared${guess}`;
    linter.report(UNDEFINED_ARG_IN_FROM, message, node, variableRange(node, word, name));
  }
}

/** `$TARGETPLATFORM` and nothing else. */
function reportRedundantPlatform(
  linter: Linter,
  node: InstructionNode,
  word: Word,
  { matched, unmatched, text }: Expansion,
  { values }: FromScope,
): void {
  if (matched.size !== 1 || unmatched.size > 0 || !matched.has("TARGETPLATFORM")) return;
  if (text !== values.get("TARGETPLATFORM")) return;
  const message = `Setting platform to predefined ${word.text} in FROM is redundant as this is the default behavior`;
  linter.report(REDUNDANT_TARGET_PLATFORM, message, node, wordRange(node, word));
}

/** A stage that is named after its platform is meant for it. */
function reportConstantPlatform(
  linter: Linter,
  node: InstructionNode,
  word: Word,
  { matched, unmatched, text }: Expansion,
  stageName: string,
): void {
  if (matched.size > 0 || unmatched.size > 0) return;
  const platform = readPlatform(text);
  if (platform === undefined || stageName.includes(platform.os) || stageName.includes(platform.architecture)) return;
  const message = `FROM --platform flag should not use constant value ${goQuote(text)}`;
  linter.report(FROM_PLATFORM_FLAG_CONST_DISALLOWED, message, node, wordRange(node, word));
}

function expandIn(word: Word, { values, escape }: FromScope): Expansion | undefined {
  return attempt(() => expand(word.text, values, { escape }));
}

function isReference(name: string): boolean {
  return attempt(() => parseReference(name)) !== undefined;
}

function readPlatform(text: string): ReturnType<typeof parsePlatform> | undefined {
  return text === "" ? undefined : attempt(() => parsePlatform(text));
}

/** What cannot be read is told, with its position, by whoever needs it. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
