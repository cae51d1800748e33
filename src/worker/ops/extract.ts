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
    await extract(entries, fs, chainTree(parents, context), context, signal);
  });
  return null;
}
