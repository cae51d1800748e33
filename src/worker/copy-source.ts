import { fromUtf8 } from "../layer/entry.ts";
import type { Content } from "../layer/entry.ts";
import { DirectoryTree } from "../snapshot/dir-tree.ts";
import { fileTree } from "../snapshot/file-tree.ts";
import { filteredTree } from "../snapshot/filtered-tree.ts";
import { compileMatcher } from "../snapshot/match.ts";
import type { Tree } from "../snapshot/tree.ts";
import type { WorkerContext } from "./context.ts";
import type { CopySource } from "./protocol.ts";
import { chainTree } from "./snapshots.ts";

export interface SourceTree {
  readonly tree: Tree;
  /** The same without ignore patterns. */
  readonly unfiltered?: Tree | undefined;
}

/** Where a COPY takes files from. A context is read as control reads it for the step's key (build/select-context.ts). */
export function copySource(source: CopySource, context: WorkerContext): SourceTree {
  switch (source.kind) {
    case "chain":
      return { tree: chainTree(source.chain, context) };
    case "context": {
      const unfiltered = new DirectoryTree(source.directory, { owner: { uid: 0, gid: 0 }, emptySockets: true });
      return { tree: filteredTree(unfiltered, compileMatcher(source.ignore)), unfiltered };
    }
    case "file": {
      const { name, digest, size, mode, mtime } = source;
      const open = (): Content => context.store.blobs.open(digest, size);
      return { tree: fileTree({ name: fromUtf8(name), size, mode, mtime: BigInt(mtime), open }) };
    }
  }
}
