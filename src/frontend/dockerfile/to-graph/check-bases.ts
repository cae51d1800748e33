import type { Platform } from "../../../oci/platform.ts";
import type { Stage } from "../instructions/types.ts";
import { checkImagePlatform } from "../lint/base-images.ts";
import { checkDefaultNames, checkFromWords } from "../lint/from.ts";
import type { Linter } from "../lint/linter.ts";
import type { EscapeCharacter } from "../ast.ts";
import type { Globals } from "./globals.ts";
import type { ResolvedImages } from "./images.ts";
import type { Layout } from "./layout.ts";

export interface GlobalScope {
  readonly escape: EscapeCharacter;
  /** With the build args of the platform, or with others. */
  readonly globalsOf: (target: Platform, buildArgs?: Readonly<Record<string, string>>) => Globals;
}

/** What each FROM says, for every platform. */
export function checkFroms(
  linter: Linter,
  stages: readonly Stage[],
  platforms: readonly Platform[],
  { escape, globalsOf }: GlobalScope,
): void {
  for (const [index, target] of platforms.entries()) {
    linter.beginPlatform(index);
    checkDefaultNames(linter, stages, () => ({ ...globalsOf(target, {}), escape }));
    checkFromWords(linter, stages, { ...globalsOf(target), escape });
  }
}

/** Whether the images found are for the platforms that were asked for. */
export function checkImages(linter: Linter, layouts: readonly Layout[], images: ResolvedImages): void {
  for (const [index, { reachable }] of layouts.entries()) {
    linter.beginPlatform(index);
    for (const base of reachable.flatMap((stage) => [stage.base, ...stage.sources.values()])) {
      if (base.kind !== "image") continue;
      const { platform: found, layers } = images(base);
      if (layers.length === 0) continue;
      checkImagePlatform(linter, { name: base.name, asked: base.platform, found }, { source: base.node.source });
    }
  }
}
