import { syntaxError } from "./errors.ts";
import type { Word } from "./ast.ts";
import { rangeInLine } from "./lines.ts";
import type { Span } from "./words.ts";

/**
 * The strings of a JSON array, or undefined where the span is none: then it means its words or a shell
 * command. An array with anything but strings is an error.
 */
export function readJsonArray({ line, start, end }: Span): readonly Word[] | undefined {
  const text = line.text.slice(start, end);
  if (!text.startsWith("[")) return undefined;
  const values = parseArray(text);
  if (values === undefined) return undefined;
  if (!values.every((value) => typeof value === "string")) {
    throw syntaxError(
      "a JSON array of arguments holds something that is no string",
      rangeInLine(line, start, end),
      'Quote every element: ["program", "8080"].',
    );
  }
  const places = [...text.matchAll(/"(?:[^"\\]|\\.)*"/g)];
  return values.map((value, index) => {
    const from = start + places[index]!.index;
    // Go's decoder puts U+FFFD for what is no Unicode.
    return { text: value.toWellFormed(), start: from, end: from + places[index]![0].length };
  });
}

function parseArray(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    // Not JSON after all: `CMD [ -f /x ] && y` is a shell command.
    return undefined;
  }
}
