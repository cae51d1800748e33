import { createHash } from "node:crypto";

/**
 * The name of everything a step's result depends on: 64 hex digits, which also name its snapshot.
 */
export type StepKey = string & { readonly __brand: "StepKey" };

/** One thing a result depends on, by a name that a person can be told ("content", "env"). */
export type KeyField = readonly [name: string, value: string | readonly string[]];

/** Raised when the meaning of a field, or what an instruction does, changes: old keys then name nothing. */
const KEY_VERSION = "manyarch.step.v2";

/**
 * Hashes fields with their lengths in front, version first, so that no two lists of fields run into
 * each other (unframed joins made kaniko's keys collide).
 */
export function stepKey(kind: string, fields: readonly KeyField[]): StepKey {
  const hash = createHash("sha256");
  const put = (text: string): void => {
    const bytes = Buffer.from(text, "utf8");
    hash.update(`${bytes.length}:`);
    hash.update(bytes);
  };
  put(KEY_VERSION);
  put(kind);
  for (const [name, value] of fields) {
    put(name);
    if (typeof value === "string") {
      put("1");
      put(value);
    } else {
      put(`[${value.length}`);
      for (const item of value) put(item);
    }
  }
  return hash.digest("hex") as StepKey;
}
