import type { SourceRange } from "../../../base/source.ts";
import type { InstructionNode } from "../ast.ts";
import { keywordRange } from "../errors.ts";
import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const NO_EMPTY_CONTINUATION: Rule = {
  name: "NoEmptyContinuation",
  description: "Empty continuation lines will become errors in a future release",
  url: "https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/",
  severity: "warning",
  hint: "Remove the empty line, or write a comment there.",
};

export const MAINTAINER_DEPRECATED: Rule = {
  name: "MaintainerDeprecated",
  description: "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
  url: "https://docs.docker.com/go/dockerfile/rule/maintainer-deprecated/",
  severity: "warning",
  hint: 'Write LABEL org.opencontainers.image.authors="NAME".',
};

export const LEGACY_KEY_VALUE_FORMAT: Rule = {
  name: "LegacyKeyValueFormat",
  description: "Legacy key/value format with whitespace separator should not be used",
  url: "https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/",
  severity: "warning",
  hint: "Write NAME=VALUE, the value quoted where it holds spaces.",
};

export function checkContinuations(linter: Linter, places: readonly SourceRange[]): void {
  for (const source of places) linter.report(NO_EMPTY_CONTINUATION, "Empty continuation line", { source });
}

export function checkMaintainer(linter: Linter, node: InstructionNode): void {
  const message = "Maintainer instruction is deprecated in favor of using label";
  linter.report(MAINTAINER_DEPRECATED, message, node, keywordRange(node));
}

/** A pair of ENV or LABEL without `=`. */
export function reportLegacyPair(linter: Linter, keyword: string, place: Place): void {
  const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
  linter.report(LEGACY_KEY_VALUE_FORMAT, message, place);
}
