import { formatPlatform, formatPlatformFull } from "../../../oci/platform.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { EscapeCharacter } from "../ast.ts";
import type { Environment } from "../expansion/expand.ts";
import type { ArgInstruction } from "../instructions/types.ts";
import { expandAt } from "./words.ts";

/** What FROM may use, and an ARG without default inside a stage takes its value from. */
export interface Globals {
  readonly values: Environment;
  /** Names of the ARGs before the first FROM, with a value or without. */
  readonly declared: ReadonlySet<string>;
}

export interface GlobalSources {
  readonly args: readonly ArgInstruction[];
  readonly escape: EscapeCharacter;
  readonly buildPlatform: Platform;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Name of the stage that is built; `default` where it has none. */
  readonly targetStage: string;
}

/** The automatic platform args, then the file's own, each with the build arg of its name before its default. */
export function globalsFor(target: Platform, sources: GlobalSources): Globals {
  const values = new Map<string, string>();
  for (const [name, value] of automaticArgs(target, sources)) values.set(name, buildArg(sources, name) ?? value);
  const declared = new Set<string>();
  for (const { node, args } of sources.args) {
    for (const { name, value } of args) {
      declared.add(name.text);
      const given = buildArg(sources, name.text);
      if (given !== undefined) values.set(name.text, given);
      else if (value !== undefined) values.set(name.text, expandAt(node, value, values, sources.escape).text);
    }
  }
  return { values, declared };
}

function automaticArgs(
  target: Platform,
  { buildPlatform: build, targetStage }: GlobalSources,
): readonly (readonly [string, string])[] {
  return [
    ["BUILDPLATFORM", formatPlatform(build)],
    ["BUILDOS", build.os],
    ["BUILDOSVERSION", build.osVersion ?? ""],
    ["BUILDARCH", build.architecture],
    ["BUILDVARIANT", build.variant ?? ""],
    ["TARGETPLATFORM", formatPlatformFull(target)],
    ["TARGETOS", target.os],
    ["TARGETOSVERSION", target.osVersion ?? ""],
    ["TARGETARCH", target.architecture],
    ["TARGETVARIANT", target.variant ?? ""],
    ["TARGETSTAGE", targetStage],
  ];
}

function buildArg({ buildArgs }: GlobalSources, name: string): string | undefined {
  return Object.hasOwn(buildArgs, name) ? buildArgs[name] : undefined;
}
