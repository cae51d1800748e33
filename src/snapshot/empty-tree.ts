import { AppError } from "../base/errors.ts";
import type { Content } from "../layer/entry.ts";
import type { Tree, TreeNode } from "./tree.ts";

const ROOT: TreeNode = { type: "directory", mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0n, links: 1 };

/** The root of `FROM scratch`: a directory with nothing in it. */
export const emptyTree: Tree = {
  lstat: (path) => (path === "" ? ROOT : undefined),
  readdir: () => [],
  open(path): Content {
    throw new AppError("TREE_NO_CONTENT", `"/${path}" is not in an empty root`);
  },
};
