import { AppError } from "../base/errors.ts";
import type { Content } from "../layer/entry.ts";
import { showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";

/** A file that is not on a disk as one. */
export interface LoneFile {
  /** `latin1`, one component. */
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  open(): Content;
}

/** A directory that holds one file of root's. */
export function fileTree({ name, size, mode, mtime, open }: LoneFile): Tree {
  const common = { uid: 0, gid: 0, mtime, links: 1 } as const;
  const root: TreeNode = { ...common, type: "directory", mode: 0o755, size: 0 };
  const file: TreeNode = { ...common, type: "file", mode, size };
  return {
    lstat: (path) => (path === "" ? root : path === name ? file : undefined),
    readdir: (path) => (path === "" ? [name] : []),
    open: (path) => {
      if (path === name) return open();
      throw new AppError("TREE_NO_CONTENT", `${showPath(path)} is no file here`);
    },
  };
}
