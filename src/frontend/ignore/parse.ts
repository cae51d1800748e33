import { cleanPath } from "../../base/clean-path.ts";
import { withSource } from "../../base/errors.ts";
import { lineRange } from "../../base/source.ts";
import type { SourceFile } from "../../base/source.ts";
import { trimSpace } from "../../base/whitespace.ts";
import { compileMatcher } from "../../snapshot/match.ts";

/**
 * The patterns of an ignore file, one a line, as moby's ignorefile reads them: comments begin in the
 * first column, paths are cleaned, a leading `/` means nothing. Throws `IGNORE_PATTERN_INVALID` at its line.
 */
export function parseIgnoreFile(file: SourceFile): readonly string[] {
  const patterns: string[] = [];
  for (const [index, line] of file.text.split("\n").entries()) {
    const text = trimSpace(line);
    if (line.startsWith("#") || text === "") continue;
    const pattern = text.startsWith("!") ? `!${normalize(trimSpace(text.slice(1)))}` : normalize(text);
    try {
      compileMatcher([pattern]);
    } catch (error) {
      throw withSource(error, lineRange(file, index + 1));
    }
    patterns.push(pattern);
  }
  return patterns;
}

function normalize(path: string): string {
  if (path === "") return "";
  const clean = cleanPath(path);
  return clean.length > 1 && clean.startsWith("/") ? clean.slice(1) : clean;
}
