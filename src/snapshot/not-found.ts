import { AppError } from "../base/errors.ts";
import { toUtf8 } from "../layer/entry.ts";
import { baseOf, joinPath, parentOf, resolvePath, showPath } from "./resolve-path.ts";
import type { Tree } from "./tree.ts";

/** `COPY_NOT_FOUND` for `path`, with the reason or the names nearest to it. */
export function notFound(tree: Tree, path: string, unfiltered: Tree | undefined): AppError {
  if (unfiltered !== undefined && exists(unfiltered, path)) {
    return new AppError("COPY_NOT_FOUND", `${showPath(path)}: not found: it is excluded by .dockerignore`, {
      hint: `Add "!${toUtf8(path)}" as a last line to .dockerignore, or take out the pattern that excludes it.`,
    });
  }
  const similar = similarNames(tree, path);
  return new AppError("COPY_NOT_FOUND", `${showPath(path)}: not found`, {
    hint:
      similar.length > 0
        ? `Did you mean ${similar.map(showPath).join(" or ")}?`
        : "Paths are relative to the build context, or with --from to the root of that stage.",
  });
}

function exists(tree: Tree, path: string): boolean {
  return tree.lstat(resolvePath(tree, path, { followLast: true })) !== undefined;
}

/** Up to two paths in the same directory whose names differ by case, or by a third of their letters or less. */
function similarNames(tree: Tree, path: string): readonly string[] {
  const name = baseOf(path).toLowerCase();
  const directory = resolvePath(tree, parentOf(path), { followLast: true });
  return tree
    .readdir(directory)
    .filter((other) => Math.abs(other.length - name.length) <= 3)
    .map((other) => ({ other, distance: editDistance(name, other.toLowerCase()) }))
    .filter(({ distance }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 2)
    .map(({ other }) => joinPath(directory, other));
}

/** Levenshtein's distance, row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
