import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

export interface FoundFile {
  /** From the directory that was searched. */
  readonly path: string;
  readonly size: number;
  /** And no directory, link, pipe or device. */
  readonly isFile: boolean;
}

/**
 * Everything below `directory`, as deep as `depth` names, while others work there: what goes away meanwhile
 * is passed over, and so is what is in a directory that only users of another namespace may open.
 */
export function filesBelow(directory: string, depth = Number.POSITIVE_INFINITY): readonly FoundFile[] {
  const names = unlessGone(() => readdirSync(directory)) ?? [];
  return names.flatMap((name) => {
    const path = join(directory, name);
    const found = unlessGone(() => lstatSync(path));
    if (found === undefined) return [];
    const inside = found.isDirectory() && depth > 1 ? filesBelow(path, depth - 1) : [];
    const own = { path: name, size: found.size, isFile: found.isFile() };
    return [own, ...inside.map((file) => ({ ...file, path: join(name, file.path) }))];
  });
}

/** Undefined where the file or process that `look` looks at is not there any more, or not for us. */
export function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH", "EACCES"].includes(code)) return undefined;
    throw error;
  }
}
