import type { Arguments, EscapeCharacter, Pair, Word } from "./ast.ts";
import { syntaxError } from "./errors.ts";
import { readJsonArray } from "./json-array.ts";
import { rangeInLine } from "./lines.ts";
import { spanWord, splitAtSpaces, splitFirst, splitOutsideQuotes } from "./words.ts";
import type { Span } from "./words.ts";

/** Splits what follows an instruction's flags, each instruction in its own way. Unknown ones keep nothing. */
export function parseArguments(name: string, span: Span, escape: EscapeCharacter): Arguments {
  switch (name) {
    case "FROM":
    case "EXPOSE":
      return words(splitAtSpaces(span));
    case "ARG":
      return words(splitOutsideQuotes(span, escape));
    case "ENV":
    case "LABEL":
      return { kind: "pairs", pairs: readPairs(name, span, escape) };
    case "ADD":
    case "COPY":
    case "VOLUME":
      return jsonOr(span, splitAtSpaces);
    case "CMD":
    case "ENTRYPOINT":
    case "RUN":
    case "SHELL":
      return jsonOr(span, wholeText);
    case "MAINTAINER":
    case "STOPSIGNAL":
    case "USER":
    case "WORKDIR":
      return words(wholeText(span));
    case "HEALTHCHECK":
      return readHealthcheck(span);
    default:
      return words([]);
  }
}

function words(list: readonly Word[], json = false): Arguments {
  return { kind: "words", words: list, json };
}

function jsonOr(span: Span, split: (span: Span) => readonly Word[]): Arguments {
  const strings = readJsonArray(span);
  return strings === undefined ? words(split(span)) : words(strings, true);
}

function wholeText(span: Span): readonly Word[] {
  return span.start < span.end ? [spanWord(span)] : [];
}

/** A type (NONE, CMD), then a command as CMD has it. */
function readHealthcheck(span: Span): Arguments {
  if (span.start >= span.end) return words([]);
  const [type, rest] = splitFirst(span);
  const command = jsonOr(rest, wholeText);
  return command.kind === "words" ? words([type, ...command.words], command.json) : command;
}

/** `NAME=value …`, or the legacy `NAME value` where the first word has no `=`. */
function readPairs(name: string, span: Span, escape: EscapeCharacter): readonly Pair[] {
  const list = splitOutsideQuotes(span, escape);
  if (list.length === 0) return [];
  if (!list[0]!.text.includes("=")) return [readLegacyPair(name, span)];
  return list.map((word) => {
    const equals = word.text.indexOf("=");
    if (equals < 0) {
      throw syntaxError(
        `${name} expects NAME=VALUE, found ${JSON.stringify(word.text)}`,
        rangeInLine(span.line, word.start, word.end),
        "Quote a value that holds spaces.",
      );
    }
    const middle = word.start + equals;
    return {
      key: { text: word.text.slice(0, equals), start: word.start, end: middle },
      value: { text: word.text.slice(equals + 1), start: middle + 1, end: word.end },
      legacy: false,
    };
  });
}

function readLegacyPair(name: string, span: Span): Pair {
  const [key, rest] = splitFirst(span);
  if (rest.start < rest.end) return { key, value: spanWord(rest), legacy: true };
  throw syntaxError(
    `${name} ${key.text} has no value`,
    rangeInLine(span.line, key.start, key.end),
    `Write ${name} ${key.text}=VALUE.`,
  );
}
