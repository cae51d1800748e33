import { editDistance } from "../base/edit-distance.ts";
import { AppError } from "../base/errors.ts";
import { toUtf8 } from "../layer/entry.ts";
import { baseOf, joinPath, parentOf, resolvePath, showPath } from "./resolve-path.ts";
import type { Tree } from "./tree.ts";

const MAX_NAMES = 8;

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
        : `${whatIsThere(tree, path)}; paths are relative to the build context, or with --from to the root of that stage.`,
  });
}

function exists(tree: Tree, path: string): boolean {
  return tree.lstat(resolvePath(tree, path, { followLast: true })) !== undefined;
}

/** What is in the nearest directory on the way to `path` that exists. */
function whatIsThere(tree: Tree, path: string): string {
  let directory = parentOf(path);
  while (directory !== "" && tree.lstat(resolvePath(tree, directory, { followLast: true }))?.type !== "directory") {
    directory = parentOf(directory);
  }
  const names = tree
    .readdir(resolvePath(tree, directory, { followLast: true }))
    .map(toUtf8)
    .toSorted();
  if (names.length === 0) return `${showPath(directory)} is empty`;
  return `${showPath(directory)} holds ${names.slice(0, MAX_NAMES).join(", ")}${names.length > MAX_NAMES ? ", …" : ""}`;
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
