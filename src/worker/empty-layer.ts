import { mkdirSync } from "node:fs";

/** A directory with nothing in it, for an overlay that has nothing below. */
export function emptyLayer(scratch: string): string {
  const path = `${scratch}/empty`;
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}
