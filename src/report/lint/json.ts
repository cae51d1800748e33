import { linesOf } from "../../base/source.ts";
import type { SourceRange } from "../../base/source.ts";
import { encodeUtf8 } from "../../base/utf8.ts";
import type { Checked } from "./types.ts";

/** The JSON of `docker build --call=check,format=json`, with a source for each file. */
export function checkJson(files: readonly Checked[]): string {
  const warnings = files.flatMap(({ findings }, index) =>
    findings.map(({ rule, message, source }) => ({
      ruleName: rule.name,
      description: rule.description,
      ...(rule.url !== "" && { url: rule.url }),
      detail: message,
      location: location(index, source),
    })),
  );
  const sources = files.map(({ file }) => ({
    filename: file.name,
    data: encodeUtf8(file.text).toString("base64"),
    language: "Dockerfile",
  }));
  const failed = files.findIndex(({ error }) => error !== undefined);
  const error = files[failed]?.error;
  const buildError = error && { message: error.message, location: location(failed, error.source) };
  // Go writes null for a list that nothing was added to.
  return `${JSON.stringify({ warnings: warnings.length > 0 ? warnings : null, sources, buildError }, null, 2)}\n`;
}

/** Go leaves out what is zero. */
function location(index: number, source: SourceRange | undefined): object {
  const { first, last } = source === undefined ? { first: 1, last: 0 } : linesOf(source);
  const ranges = Array.from({ length: last - first + 1 }, (_, offset) => {
    const position = { line: first + offset };
    return { start: position, end: position };
  });
  return { ...(index > 0 && { sourceIndex: index }), ...(ranges.length > 0 && { ranges }) };
}
