import { AppError } from "../base/errors.ts";
import { toUtf8 } from "../layer/entry.ts";
import type { Tree } from "./tree.ts";

/** As many as containerd's continuity follows. */
const MAX_LINKS = 255;

export interface ResolveOptions {
  /** Whether a symbolic link in the last component is followed too. */
  readonly followLast: boolean;
}

/**
 * The clean path that `path` leads to when every symbolic link on the way is followed inside the root:
 * absolute links start again at the root and `..` stops there. What is on the way need not exist.
 * Throws `PATH_SYMLINK_LOOP` after 255 links.
 */
export function resolvePath(tree: Pick<Tree, "lstat">, path: string, { followLast }: ResolveOptions): string {
  let resolved = "";
  let links = 0;
  const left = componentsOf(path).reverse();
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (name === "..") {
      resolved = parentOf(resolved);
      continue;
    }
    const next = joinPath(resolved, name);
    const node = left.length > 0 || followLast ? tree.lstat(next) : undefined;
    if (node?.type !== "symlink") {
      resolved = next;
      continue;
    }
    if (++links > MAX_LINKS) throw tooManyLinks(path);
    const target = node.target ?? "";
    if (target.startsWith("/")) resolved = "";
    left.push(...componentsOf(target).reverse());
  }
  return resolved;
}

/** `name` in the directory `parent`, which may be the root `""`. */
export function joinPath(parent: string, name: string): string {
  return parent === "" ? name : name === "" ? parent : `${parent}/${name}`;
}

/** The directory of a clean path; of a name in the root and of the root itself it is `""`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last component of a clean path. */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `path` as people know it: absolute, quoted. */
export function showPath(path: string): string {
  return JSON.stringify(`/${toUtf8(path)}`);
}

function componentsOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function tooManyLinks(path: string): AppError {
  return new AppError("PATH_SYMLINK_LOOP", `${showPath(path)} leads through more than ${MAX_LINKS} symbolic links`, {
    hint: "Look for a link that points at itself or at a directory above it.",
  });
}
