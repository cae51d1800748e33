import { realpathSync } from "node:fs";
import { relative } from "node:path";

/**
 * `ignore` with the store at `root` left out of the context `directory`, where it lies in it: as it does in CI, where only what is in the
 * project may be cached. Its files change while they are read, and reading its databases would drop the locks on them.
 */
export function withoutStore(directory: string, ignore: readonly string[], root: string): readonly string[] {
  const inside = relative(realpathSync(directory), realpathSync(root));
  if (inside === "" || inside === ".." || inside.startsWith("../")) return ignore;
  return [...ignore, ignorePattern(inside)];
}

/** The pattern of a .dockerignore that matches `path` and nothing else. */
function ignorePattern(path: string): string {
  return path.replace(/^!|[*?[\\]/g, "\\$&");
}
