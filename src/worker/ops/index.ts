import { existsSync, renameSync, writeFileSync } from "node:fs";
import { encodeLayerIndex, indexLayer } from "../../layer/layer-index.ts";
import type { Call, WorkerContext } from "../context.ts";
import { storedLayer } from "../layer-source.ts";
import type { IndexRequest } from "../protocol.ts";

export async function serve({ layer }: IndexRequest, context: WorkerContext, { signal }: Call): Promise<null> {
  const path = context.store.indexPath(layer.diffId);
  if (existsSync(path)) return null;
  const index = await indexLayer(storedLayer(layer, context, { signal, room: false }));
  const temp = context.temp.tempPath("index");
  // Synced, as it is found by its name alone: after a power loss an empty file would be an error.
  writeFileSync(temp, encodeLayerIndex(index), { flush: true, mode: 0o600, flag: "wx" });
  renameSync(temp, path);
  return null;
}
