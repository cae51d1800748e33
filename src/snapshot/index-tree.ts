import type { LayerIndex } from "../layer/layer-index.ts";
import { MemoryTree } from "./memory-tree.ts";
import type { Tree } from "./tree.ts";

/**
 * What layers show together by their listings alone, lowest first. Only etc/passwd and etc/group have
 * content; opening anything else throws `TREE_NO_CONTENT`.
 */
export function indexTree(indexes: readonly LayerIndex[]): Tree {
  const tree = new MemoryTree();
  for (const { entries, files } of indexes) {
    tree.beginLayer();
    for (const entry of entries) tree.apply(entry, entry.type === "file" ? files.get(entry.path) : undefined);
  }
  return tree;
}
