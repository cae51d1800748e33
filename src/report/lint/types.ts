import type { AppError } from "../../base/errors.ts";
import { linesOf } from "../../base/source.ts";
import type { SourceFile, SourceRange } from "../../base/source.ts";
import type { Finding } from "../../frontend/dockerfile/lint/rule.ts";

/** A Dockerfile that was checked, named from where the tools that read results look for files. */
export interface Checked {
  readonly file: SourceFile;
  readonly findings: readonly Finding[];
  /** Why it cannot be built. */
  readonly error: AppError | undefined;
}

/** A place in a text as the formats for machines have it: lines and columns from 1, ends included but for columns. */
export interface Region {
  readonly startLine: number;
  readonly endLine: number;
  readonly startColumn?: number;
  readonly endColumn?: number;
}

/** What is meant, within one line where that is known. */
export function regionOf(source: SourceRange, focus: SourceRange | undefined): Region {
  const { first, last } = linesOf(source);
  if (focus === undefined || focus.start.line !== focus.end.line) return { startLine: first, endLine: last };
  const { start, end } = focus;
  return { startLine: start.line, endLine: start.line, startColumn: start.column, endColumn: end.column };
}
