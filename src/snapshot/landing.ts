import { baseOf, joinPath, parentOf, resolvePath } from "./resolve-path.ts";
import type { Selected, Source } from "./select.ts";
import type { Tree } from "./tree.ts";

/**
 * Where what is selected of `source` lands when the source itself lands at `top`. A directory that an
 * archive has no member for is the one that is there, also where a link leads to it; as BuildKit unpacks
 * in a root of its own, such a link leads nowhere out of `top`.
 */
export function landing(source: Source, top: string, base: Tree): (selected: Selected) => string {
  if (source.archive === undefined) return ({ relative }) => joinPath(top, relative);
  const inside = { lstat: (path: string) => base.lstat(joinPath(top, path)) };
  const directories = new Map<string, string>();
  return ({ relative, node, along }) => {
    const path = relative === "" ? "" : joinPath(directories.get(parentOf(relative)) ?? "", baseOf(relative));
    const real = along === true && isLink(inside, path) ? resolvePath(inside, path, { followLast: true }) : path;
    if (node.type === "directory") directories.set(relative, real);
    return joinPath(top, real);
  };
}

function isLink(tree: Pick<Tree, "lstat">, path: string): boolean {
  return tree.lstat(path)?.type === "symlink";
}
