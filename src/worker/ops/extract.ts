import { AppError } from "../../base/errors.ts";
import type { Call, WorkerContext } from "../context.ts";
import { storedLayer } from "../layer-source.ts";
import type { ExtractRequest } from "../protocol.ts";
import { extract } from "../result.ts";
import { chainTree, publishSnapshot } from "../snapshots.ts";

export async function serve(
  { layer, parents, id }: ExtractRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<null> {
  await publishSnapshot(id, context, async (fs) => {
    const entries = storedLayer(layer, context, { signal, room: true });
    try {
      await extract(entries, fs, chainTree(parents, context), context, signal);
    } catch (error) {
      throw explain(error, layer.digest, context);
    }
  });
  return null;
}

/** That the layer is larger than what is free is the store's trouble, not the image's. */
function explain(error: unknown, digest: string, { store }: WorkerContext): unknown {
  if (!(error instanceof AppError && error.code === "LAYER_TOO_LARGE")) return error;
  return new AppError("STORE_FULL", `no space left in ${store.root} to extract layer ${digest}: ${error.message}`, {
    hint: "Free some space or inodes there, or choose another place with --root or MANYARCH_ROOT.",
    cause: error,
  });
}
