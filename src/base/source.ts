/** A text with a name, as the user knows it (`Dockerfile`, `./build/api.Dockerfile`). */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

/** A place in a text. `line` and `column` count from 1; columns count UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** From `start` up to, and without, `end`. A whole line ends at column 1 of the next. */
export interface SourceRange {
  readonly file: SourceFile;
  readonly start: Position;
  readonly end: Position;
}

/** The range of whole lines `first` to `last`, both included, counted from 1. */
export function lineRange(file: SourceFile, first: number, last: number = first): SourceRange {
  return { file, start: { line: first, column: 1 }, end: { line: last + 1, column: 1 } };
}

/** First and last line of a range, both included: one that ends at column 1 of a line does not mean that line. */
export function linesOf({ start, end }: SourceRange): { readonly first: number; readonly last: number } {
  const last = end.column <= 1 && end.line > start.line ? end.line - 1 : end.line;
  return { first: start.line, last: Math.max(start.line, last) };
}

/** `Dockerfile:12` or, where the column says more than the line, `Dockerfile:12:8`. */
export function formatPosition(range: SourceRange): string {
  const { line, column } = range.start;
  return column > 1 ? `${range.file.name}:${line}:${column}` : `${range.file.name}:${line}`;
}
