import { joinPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";

export interface Walked {
  readonly path: string;
  readonly node: TreeNode;
}

/**
 * What lies below the directory `top`, which is not yielded itself: parents before their children,
 * names of a directory in bytewise order. A directory that `enter` refuses is yielded, but not read.
 */
export function* walk(
  tree: Tree,
  top: string,
  enter: (walked: Walked) => boolean = () => true,
): Generator<Walked, void> {
  const stack: Level[] = [{ directory: top, names: tree.readdir(top), next: 0 }];
  for (let level = stack.at(-1); level !== undefined; level = stack.at(-1)) {
    const name = level.names[level.next++];
    if (name === undefined) {
      stack.pop();
      continue;
    }
    const path = joinPath(level.directory, name);
    const node = tree.lstat(path);
    // Gone between readdir and lstat.
    if (node === undefined) continue;
    const walked: Walked = { path, node };
    yield walked;
    if (node.type === "directory" && enter(walked)) stack.push({ directory: path, names: tree.readdir(path), next: 0 });
  }
}

interface Level {
  readonly directory: string;
  readonly names: readonly string[];
  next: number;
}
