import { createHash } from "node:crypto";
import type { SourceFile } from "../../base/source.ts";
import type { Finding } from "../../frontend/dockerfile/lint/rule.ts";

/** A name for each finding that stays when lines above it come or go; of equal ones the first, second and so on. */
export function fingerprints(file: SourceFile, findings: readonly Finding[]): readonly string[] {
  const counts = new Map<string, number>();
  return findings.map(({ rule, message }) => {
    const key = JSON.stringify([file.name, rule.name, message]);
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return createHash("sha256").update(`${key}${count}`).digest("hex");
  });
}
