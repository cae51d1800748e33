import { mkdirSync } from "node:fs";

/** A directory with nothing in it, for a mount that needs something below where the image has nothing yet. */
export function emptyLayer(scratch: string): string {
  const path = `${scratch}/empty`;
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}
