import { isUtf8 } from "node:buffer";
import { AppError } from "../base/errors.ts";
import { formatBytes } from "../base/bytes.ts";

export type JsonValue = null | boolean | number | string | JsonArray | JsonObject;
export type JsonArray = readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/**
 * Members whose value is a map with keys of its author's choosing. Its keys may differ in case only;
 * everywhere else two such keys are refused.
 */
const FREE_MAPS: ReadonlySet<string> = new Set(["annotations", "Labels", "ExposedPorts", "Volumes"]);

/** Largest document in bytes: what registries must accept. */
const SIZE_LIMIT = 4 * 1024 * 1024;
const DEPTH_LIMIT = 64;

/**
 * Reads JSON that came over a wire, and refuses (`JSON_INVALID`) every document that another reader may
 * read differently: Go takes keys in any case and the last of equal ones, JavaScript rounds numbers past
 * 2^53, readers disagree on invalid UTF-8, lone surrogates and what follows the document. Two clients
 * that disagree on a manifest is the attack of CVE-2021-41190. `what` names the document in messages:
 * `manifest of docker.io/library/alpine:3`.
 */
export function parseStrictJson(bytes: Uint8Array, what: string): JsonValue {
  if (bytes.length > SIZE_LIMIT) {
    throw new AppError(
      "JSON_INVALID",
      `${what} is too large: ${formatBytes(bytes.length)}, at most ${formatBytes(SIZE_LIMIT)} expected`,
    );
  }
  if (!isUtf8(bytes)) throw new AppError("JSON_INVALID", `${what} is not valid JSON: it is not UTF-8`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  return readDocument({ text, at: 0, path: [], what });
}

interface Cursor {
  readonly text: string;
  readonly what: string;
  at: number;
  /** Where `at` is inside the document, outermost first. */
  readonly path: (string | number)[];
}

function readDocument(cursor: Cursor): JsonValue {
  if (cursor.text.charCodeAt(0) === 0xfeff) throw fault(cursor, "it starts with a byte order mark");
  skipSpace(cursor);
  const value = readValue(cursor);
  skipSpace(cursor);
  if (cursor.at < cursor.text.length) throw fault(cursor, "there is more after its end");
  return value;
}

function readValue(cursor: Cursor): JsonValue {
  switch (cursor.text.charCodeAt(cursor.at)) {
    case 0x7b:
      return readObject(cursor);
    case 0x5b:
      return readArray(cursor);
    case 0x22:
      return readString(cursor);
    case 0x74:
      return readWord(cursor, "true", true);
    case 0x66:
      return readWord(cursor, "false", false);
    case 0x6e:
      return readWord(cursor, "null", null);
    default:
      return readNumber(cursor);
  }
}

function readObject(cursor: Cursor): JsonObject {
  const { path } = cursor;
  const owner = path.at(-1);
  const isFree = typeof owner === "string" && FREE_MAPS.has(owner);
  const object: Record<string, JsonValue> = {};
  const seen = new Set<string>();
  cursor.at++;
  skipSpace(cursor);
  if (takes(cursor, 0x7d)) return object;
  enter(cursor);
  do {
    skipSpace(cursor);
    if (cursor.text.charCodeAt(cursor.at) !== 0x22) throw fault(cursor, "a quoted key was expected");
    const start = cursor.at;
    const key = readString(cursor);
    path[path.length - 1] = key;
    const folded = isFree ? key : fold(key);
    if (seen.has(folded)) throw duplicate(cursor, start, key, object);
    seen.add(folded);
    skipSpace(cursor);
    if (!takes(cursor, 0x3a)) throw fault(cursor, "a colon was expected");
    skipSpace(cursor);
    define(object, key, readValue(cursor));
    skipSpace(cursor);
  } while (takes(cursor, 0x2c));
  if (!takes(cursor, 0x7d)) throw fault(cursor, "a comma or a closing brace was expected");
  path.pop();
  return object;
}

function readArray(cursor: Cursor): JsonArray {
  const { path } = cursor;
  const array: JsonValue[] = [];
  cursor.at++;
  skipSpace(cursor);
  if (takes(cursor, 0x5d)) return array;
  enter(cursor);
  do {
    path[path.length - 1] = array.length;
    skipSpace(cursor);
    array.push(readValue(cursor));
    skipSpace(cursor);
  } while (takes(cursor, 0x2c));
  if (!takes(cursor, 0x5d)) throw fault(cursor, "a comma or a closing bracket was expected");
  path.pop();
  return array;
}

function enter(cursor: Cursor): void {
  if (cursor.path.length >= DEPTH_LIMIT) throw fault(cursor, `it is nested more than ${DEPTH_LIMIT} deep`);
  cursor.path.push("");
}

/** A plain assignment to `__proto__` would set the prototype instead of making a member. */
function define(object: Record<string, JsonValue>, key: string, value: JsonValue): void {
  if (key !== "__proto__") object[key] = value;
  else
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

/** As Go's decoder folds: `K` (Kelvin) is `k` and `ſ` is `s` to it. */
function fold(key: string): string {
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) > 0x7f) return key.toUpperCase().toLowerCase();
  }
  return key.toLowerCase();
}

function duplicate(cursor: Cursor, start: number, key: string, object: JsonObject): AppError {
  cursor.at = start;
  cursor.path.pop();
  if (Object.hasOwn(object, key)) return fault(cursor, `it has the key ${JSON.stringify(key)} twice`);
  const other = Object.keys(object).find((candidate) => fold(candidate) === fold(key)) ?? key;
  return fault(
    cursor,
    `it has the keys ${JSON.stringify(other)} and ${JSON.stringify(key)}, which differ in case only`,
  );
}

/** Most strings have no escape: those are cut out of the text whole. */
function readString(cursor: Cursor): string {
  const { text } = cursor;
  const start = cursor.at + 1;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) {
      cursor.at = i + 1;
      return text.slice(start, i);
    }
    if (code === 0x5c) {
      cursor.at = i;
      return readEscaped(cursor, text.slice(start, i));
    }
    if (code < 0x20) {
      cursor.at = i;
      throw fault(cursor, "a string holds a control character");
    }
  }
  throw fault(cursor, "a string does not end");
}

/** From the first backslash on. */
function readEscaped(cursor: Cursor, head: string): string {
  const { text } = cursor;
  const pieces = [head];
  for (;;) {
    pieces.push(readEscape(cursor));
    const start = cursor.at;
    let i = start;
    let code = text.charCodeAt(i);
    while (code >= 0x20 && code !== 0x22 && code !== 0x5c) code = text.charCodeAt(++i);
    cursor.at = i;
    if (i > start) pieces.push(text.slice(start, i));
    if (code === 0x22) break;
    if (code !== 0x5c)
      throw fault(cursor, i < text.length ? "a string holds a control character" : "a string does not end");
  }
  cursor.at++;
  const string = pieces.join("");
  if (!string.isWellFormed()) throw fault(cursor, "a string holds half of a surrogate pair");
  return string;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

function readEscape(cursor: Cursor): string {
  const letter = cursor.text.charAt(cursor.at + 1);
  const plain = ESCAPES[letter];
  if (plain !== undefined) {
    cursor.at += 2;
    return plain;
  }
  const digits = cursor.text.slice(cursor.at + 2, cursor.at + 6);
  if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) throw fault(cursor, "a string holds an unknown escape");
  cursor.at += 6;
  return String.fromCharCode(Number.parseInt(digits, 16));
}

/**
 * Integers must be exact in every reader. A whole number written as `1.0` or `1e3` is refused: Go takes
 * it for no integer, and after parsing nobody here could tell.
 */
function readNumber(cursor: Cursor): number {
  const pattern = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
  pattern.lastIndex = cursor.at;
  const match = pattern.exec(cursor.text);
  if (match === null) {
    throw fault(cursor, cursor.at < cursor.text.length ? "a value was expected" : "it ends too early");
  }
  const [literal, fraction, exponent] = match;
  const value = Number(literal);
  const isWhole = Number.isInteger(value);
  if (!Number.isFinite(value) || (isWhole && !Number.isSafeInteger(value))) {
    throw fault(cursor, `the number ${shorten(literal)} is beyond 2^53`);
  }
  if (isWhole && (fraction !== undefined || exponent !== undefined)) {
    throw fault(cursor, `the number ${shorten(literal)} should be written as ${value}`);
  }
  cursor.at += literal.length;
  return value;
}

function readWord<T extends boolean | null>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw fault(cursor, "a value was expected");
  cursor.at += word.length;
  return value;
}

function skipSpace(cursor: Cursor): void {
  const { text } = cursor;
  let code = text.charCodeAt(cursor.at);
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++cursor.at);
}

function takes(cursor: Cursor, code: number): boolean {
  if (cursor.text.charCodeAt(cursor.at) !== code) return false;
  cursor.at++;
  return true;
}

function shorten(literal: string): string {
  return literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
}

function fault(cursor: Cursor, reason: string): AppError {
  const offset = Buffer.byteLength(cursor.text.slice(0, cursor.at), "utf8");
  const where = formatPath(cursor.path);
  return new AppError("JSON_INVALID", `${cursor.what} is not valid JSON: ${reason} (at ${where}byte ${offset})`);
}

function formatPath(path: readonly (string | number)[]): string {
  if (path.length === 0) return "";
  const shown = path.slice(0, 8).map((step) => (typeof step === "number" ? `[${step}]` : `.${shorten(step)}`));
  const text = shown.join("").replace(/^\./, "");
  return `${text}${path.length > shown.length ? "…" : ""}, `;
}
