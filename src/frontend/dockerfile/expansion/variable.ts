import { syntaxError, requiredVariable, unsupportedModifier } from "./errors.ts";
import { expandUntil, peek } from "./expand.ts";
import type { Scan } from "./expand.ts";
import { replaceMatch, trimPrefix, trimSuffix } from "./glob.ts";

/** More than anyone nests; keeps a hostile word from the end of the stack. */
const DEPTH_LIMIT = 200;

/** Reads `$name` or `${name…}` at a `$` and answers what it stands for. */
export function expandVariable(scan: Scan): string {
  scan.at++;
  if (peek(scan) === "{") return expandBraces(scan);
  const name = readName(scan);
  if (name === "") return "$";
  const value = lookUp(scan, name);
  if (value === undefined && scan.options.keepUnset) return `$${name}`;
  return value ?? "";
}

function expandBraces(scan: Scan): string {
  if (++scan.depth > DEPTH_LIMIT) throw syntaxError(scan, `substitutions are nested more than ${DEPTH_LIMIT} deep`);
  scan.at++;
  const first = peek(scan);
  if (first === undefined) throw unclosed(scan);
  if (first === "{" || first === "}" || first === ":") throw syntaxError(scan, "a ${ is not followed by a name");
  const value = substitute(scan, readName(scan));
  scan.depth--;
  return value;
}

function substitute(scan: Scan, name: string): string {
  const operator = take(scan);
  switch (operator) {
    case "":
      throw unclosed(scan);
    case "}": {
      const value = lookUp(scan, name);
      return value === undefined && scan.options.keepUnset ? `\${${name}}` : (value ?? "");
    }
    case "/":
      return substitutePattern(scan, name);
    case ":":
      return substituteWord(scan, name, take(scan), true);
    default:
      return substituteWord(scan, name, operator, false);
  }
}

/** `${name-word}` and its kin; behind a colon an empty value counts as none. */
function substituteWord(scan: Scan, name: string, operator: string, emptyIsUnset: boolean): string {
  const modifier = (emptyIsUnset ? ":" : "") + operator;
  if (operator === "") throw unclosed(scan);
  const trims = operator === "#" || operator === "%";
  if (!"-+?#%".includes(operator) || (trims && emptyIsUnset)) throw unsupportedModifier(scan, modifier);
  const word = expandUntil(scan, "}", trims);
  const value = lookUp(scan, name);
  if (value === undefined && scan.options.keepUnset) return `\${${name}${modifier}${word}}`;
  const missing = value === undefined || (emptyIsUnset && value === "");
  switch (operator) {
    case "-":
      return missing ? word : value;
    case "+":
      return missing ? "" : word;
    case "?":
      if (missing)
        throw requiredVariable(name, word, `is not allowed to be ${value === undefined ? "unset" : "empty"}`);
      return value;
    default: {
      const greedy = word.startsWith(operator);
      const trim = operator === "#" ? trimPrefix : trimSuffix;
      return trim(value ?? "", greedy ? word.slice(1) : word, greedy);
    }
  }
}

function substitutePattern(scan: Scan, name: string): string {
  const all = peek(scan) === "/";
  if (all) scan.at++;
  const pattern = expandUntil(scan, "/", true);
  const replacement = expandUntil(scan, "}", true);
  const value = lookUp(scan, name);
  if (value === undefined && scan.options.keepUnset) return `\${${name}/${all ? "/" : ""}${pattern}/${replacement}}`;
  return replaceMatch(value ?? "", pattern, replacement, all);
}

/** A special parameter (`$1`, `$@`), digits, or letters, digits and `_`; empty where there is none. */
function readName(scan: Scan): string {
  const first = peek(scan);
  if (first === undefined) return "";
  if (isDigit(first)) return takeWhile(scan, isDigit);
  if ("@*#?-$!".includes(first)) return take(scan);
  return takeWhile(scan, (character) => character === "_" || isDigit(character) || /^\p{L}$/u.test(character));
}

function isDigit(character: string): boolean {
  return /^\p{Nd}$/u.test(character);
}

function unclosed(scan: Scan): Error {
  return syntaxError(scan, "a ${ is not closed by a }");
}

function take(scan: Scan): string {
  return scan.characters[scan.at++] ?? "";
}

function takeWhile(scan: Scan, accepts: (character: string) => boolean): string {
  const start = scan.at;
  while (scan.at < scan.characters.length && accepts(scan.characters[scan.at]!)) scan.at++;
  return scan.characters.slice(start, scan.at).join("");
}

function lookUp(scan: Scan, name: string): string | undefined {
  const value = scan.environment.get(name);
  (value === undefined ? scan.unmatched : scan.matched).add(name);
  return value;
}
