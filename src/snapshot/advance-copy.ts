import type { RootDirectory } from "../sys/root-path.ts";
import { DirectoryTree } from "./dir-tree.ts";
import { isWhiteout } from "./disk-node.ts";
import type { DiskNode } from "./disk-node.ts";
import { PlainWriter } from "./plain-writer.ts";
import { joinPath } from "./resolve-path.ts";
import type { WriteContext } from "./write-node.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

/** Puts the layer `directory`, in overlayfs form, onto a copy of the layers below it. Yields after each file. */
export function* advanceCopy(root: RootDirectory, directory: string, context: WriteContext): Generator<void, void> {
  const layer = new DirectoryTree(directory, { syscalls: context.syscalls });
  const writer = new PlainWriter(root, context, { isStill: true });
  const stack = [""];
  for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
    const node = layer.lstat(path);
    if (node === undefined) continue;
    enterDirectory(root, path, node, writer, context);
    for (const name of layer.readdir(path)) {
      const child = joinPath(path, name);
      const found = layer.lstat(child);
      if (found === undefined) continue;
      if (isWhiteout(found)) makeRoom(root, child);
      else if (found.type === "directory") stack.push(child);
      else {
        makeRoom(root, child);
        writer.put(child, found);
      }
      yield;
    }
  }
  writer.finish();
}

function enterDirectory(
  root: RootDirectory,
  path: string,
  node: DiskNode,
  writer: PlainWriter,
  { syscalls }: WriteContext,
): void {
  if (path !== "" && root.lstat(path)?.isDirectory() !== true) makeRoom(root, path);
  writer.put(path, node);
  if (syscalls.lgetxattr(node.path, OPAQUE_XATTR)?.toString() !== "y") return;
  for (const name of root.readdir(path) ?? []) root.remove(joinPath(path, name));
}

/** What is not there needs no removal, which is dear: it lets go of the directories that are open. */
function makeRoom(root: RootDirectory, path: string): void {
  if (root.lstat(path) !== undefined) root.remove(path);
}
