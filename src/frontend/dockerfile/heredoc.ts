import type { Heredoc } from "./ast.ts";
import { syntaxError as expansionError } from "./expansion/errors.ts";
import { expand } from "./expansion/expand.ts";

export type HeredocStart = Omit<Heredoc, "content">;

const NOTHING: ReadonlyMap<string, string> = new Map();

/** The heredocs a line announces, in order. A line whose quotes do not close announces none. */
export function heredocsOfLine(line: string): readonly HeredocStart[] {
  if (!line.includes("<<")) return [];
  return wordsOf(line)
    .map(parseHeredocWord)
    .filter((start) => start !== undefined);
}

/** Reads `[FD]<<[-]NAME`, or answers undefined where the word is none. Throws `DOCKERFILE_EXPANSION` on open quotes. */
export function parseHeredocWord(word: string): HeredocStart | undefined {
  const match = /^(\d*)<<(-?)[\t\n\f\r ]*([^<]*)$/.exec(word);
  if (match === null) return undefined;
  const [, descriptor = "", dash, rest = ""] = match;
  const names = expand(rest, NOTHING, { keepUnset: true }).words;
  const raw = expand(rest, NOTHING, { keepUnset: true, rawQuotes: true }).words;
  const [name] = names;
  if (name === undefined || names.length !== 1) return undefined;
  if (raw.length !== 1) throw expansionError({ word }, "its quotes hold several words");
  return {
    name,
    descriptor: Number(descriptor),
    // Quotes that went missing were quotes of the name, not of its text.
    expand: quotesIn(name) === quotesIn(raw[0]!),
    chomp: dash === "-",
  };
}

/** The text of a heredoc: with `<<-` its lines have lost their leading tabs. */
export function heredocText({ content, chomp }: Heredoc): string {
  return chomp ? content.replaceAll(/(?<![^\n])\t+/g, "") : content;
}

function wordsOf(line: string): readonly string[] {
  try {
    return expand(line, NOTHING, { rawQuotes: true, rawEscapes: true, keepUnset: true }).words;
  } catch {
    // Text for a shell may be anything; only what reads as words can start a heredoc.
    return [];
  }
}

function quotesIn(text: string): number {
  return text.replaceAll(/[^'"]/g, "").length;
}
