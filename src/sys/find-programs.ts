import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/**
 * Where programs are, by the absolute directories of `path` (as PATH) and then those of `more`: for each name the
 * first that may be executed, in the names' order.
 */
export function findPrograms(names: readonly string[], path: string, more: readonly string[] = []): readonly string[] {
  const directories = [...path.split(":").filter((directory) => isAbsolute(directory)), ...more];
  return names.flatMap((name) => directories.map((directory) => join(directory, name)).find(isExecutable) ?? []);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Whatever the reason, it cannot be run from here.
  }
}
