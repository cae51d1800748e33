import { cleanPath } from "../../../base/clean-path.ts";
import { fromUtf8 } from "../../../layer/entry.ts";
import { compileMatcher } from "../../../snapshot/match.ts";
import { goQuote } from "../go-quote.ts";
import type { Linter, Place } from "./linter.ts";
import type { Rule } from "./rule.ts";

export const COPY_IGNORED_FILE: Rule = {
  name: "CopyIgnoredFile",
  description: "Attempting to Copy file that is excluded by .dockerignore",
  url: "https://docs.docker.com/go/dockerfile/rule/copy-ignored-file/",
  severity: "warning",
  hint: "Take the file out of .dockerignore, or leave it out here.",
};

/** A source that is copied from the build context. With exceptions in the ignore file nothing can be said of it. */
export function checkIgnored(
  linter: Linter,
  { name, source }: { readonly name: string; readonly source: string },
  ignore: readonly string[],
  place: Place,
): void {
  if (ignore.length === 0 || ignore.some((pattern) => pattern.startsWith("!"))) return;
  const path = cleanPath(source);
  if (!compileMatcher(ignore).match(fromUtf8(path)).matched) return;
  const verb = name === "COPY" ? "Copy" : "Add";
  const message = `Attempting to ${verb} file ${goQuote(path)} that is excluded by .dockerignore`;
  linter.report(COPY_IGNORED_FILE, message, place);
}
