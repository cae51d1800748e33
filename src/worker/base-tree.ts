import { readFileSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import { decodeLayerIndex } from "../layer/layer-index.ts";
import type { LayerIndex } from "../layer/layer-index.ts";
import type { Digest } from "../oci/digest.ts";
import { emptyTree } from "../snapshot/empty-tree.ts";
import { indexTree } from "../snapshot/index-tree.ts";
import type { Tree } from "../snapshot/tree.ts";
import type { WorkerContext } from "./context.ts";
import type { BaseTree } from "./protocol.ts";
import { chainTree } from "./snapshots.ts";

/** What a file operation sees below itself. */
export function baseTree(base: BaseTree, context: WorkerContext): Tree {
  switch (base.kind) {
    case "chain":
      return chainTree(base.chain, context);
    case "indexes":
      return indexTree(base.diffIds.map((diffId) => readIndex(diffId, context)));
    case "absent":
      return emptyTree;
  }
}

function readIndex(diffId: Digest, { store }: WorkerContext): LayerIndex {
  const path = store.indexPath(diffId);
  try {
    return decodeLayerIndex(readFileSync(path));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new AppError("LAYER_INDEX_MISSING", `the index of layer ${diffId} is not in the store any more`, {
      retryable: true,
    });
  }
}
