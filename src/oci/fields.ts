import { AppError } from "../base/errors.ts";
import type { JsonObject, JsonValue } from "./json.ts";

/** Where a value stands and what to throw if it is not what it must be. */
export interface Where {
  /** The code of the error: `MANIFEST_INVALID`. */
  readonly code: string;
  /** `manifest.layers[2].size`. */
  readonly path: string;
}

/**
 * Readers of one member of an object that {@link parseStrictJson} made. Absent and null are the same,
 * as they are to Go: `undefined`. Anything else of the wrong type is an error that names the member.
 */
export function stringField(object: JsonObject, key: string, where: Where): string | undefined {
  const value = object[key] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw unexpected(value, "a string", at(where, key));
}

export function booleanField(object: JsonObject, key: string, where: Where): boolean | undefined {
  const value = object[key] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw unexpected(value, "true or false", at(where, key));
}

export function integerField(object: JsonObject, key: string, where: Where): number | undefined {
  const value = object[key] ?? undefined;
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value))) return value;
  throw unexpected(value, "an integer", at(where, key));
}

export function arrayField(object: JsonObject, key: string, where: Where): readonly JsonValue[] | undefined {
  const value = object[key] ?? undefined;
  if (value === undefined || Array.isArray(value)) return value;
  throw unexpected(value, "an array", at(where, key));
}

export function stringsField(object: JsonObject, key: string, where: Where): readonly string[] | undefined {
  return arrayField(object, key, where)?.map((item, index) => {
    if (typeof item === "string") return item;
    throw unexpected(item, "a string", at(where, `${key}[${index}]`));
  });
}

export function objectField(object: JsonObject, key: string, where: Where): JsonObject | undefined {
  const value = object[key] ?? undefined;
  return value === undefined ? undefined : asObject(value, at(where, key));
}

/** A map of strings: annotations, labels. Null values are empty strings, as Go has it. */
export function stringMapField(
  object: JsonObject,
  key: string,
  where: Where,
): Readonly<Record<string, string>> | undefined {
  const map = objectField(object, key, where);
  if (map === undefined) return undefined;
  const entries = Object.entries(map).map(([name, value]): [string, string] => {
    if (typeof value === "string" || value === null) return [name, value ?? ""];
    throw unexpected(value, "a string", at(where, `${key}.${name}`));
  });
  return Object.fromEntries(entries);
}

export function asObject(value: JsonValue | undefined, where: Where): JsonObject {
  if (value !== undefined && isObject(value)) return value;
  throw unexpected(value, "an object", where);
}

export function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Refuses a key that is one of `known` but for its case: Go would read it, we would not. What is not
 * known at all is left to the caller.
 */
export function checkSpelling(object: JsonObject, known: readonly string[], where: Where): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue;
    const meant = known.find((name) => name.toLowerCase() === key.toUpperCase().toLowerCase());
    if (meant !== undefined) {
      throw new AppError(
        where.code,
        `${where.path} has the key ${JSON.stringify(key)}, expected ${JSON.stringify(meant)}`,
      );
    }
  }
}

export function at(where: Where, key: string): Where {
  return { code: where.code, path: `${where.path}.${key}` };
}

export function unexpected(value: JsonValue | undefined, expected: string, where: Where): AppError {
  return new AppError(where.code, `${where.path}: expected ${expected}, found ${describe(value)}`);
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
