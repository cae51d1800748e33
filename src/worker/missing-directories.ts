import { AppError } from "../base/errors.ts";
import { parentOf, resolvePath, showPath } from "../snapshot/resolve-path.ts";
import type { Tree } from "../snapshot/tree.ts";

/**
 * The directories, parents first, that must be made so that the directory `path` is there, links of the
 * tree followed inside it. Throws `DOCKERFILE_WORKDIR_CONFLICT` where something else is in the way.
 */
export function missingDirectories(tree: Tree, path: string): readonly string[] {
  const missing: string[] = [];
  for (
    let directory = resolvePath(tree, path, { followLast: true });
    directory !== "";
    directory = parentOf(directory)
  ) {
    const node = tree.lstat(directory);
    if (node?.type === "directory") break;
    if (node !== undefined) throw inTheWay(directory, node.type);
    missing.unshift(directory);
  }
  return missing;
}

function inTheWay(path: string, type: string): AppError {
  return new AppError(
    "DOCKERFILE_WORKDIR_CONFLICT",
    `${showPath(path)} is a ${type}: expected a directory, or nothing, for WORKDIR`,
    {
      hint: "Choose another path, or remove it in an earlier RUN.",
    },
  );
}
