import type { Call, WorkerContext } from "../context.ts";
import { packLayer, packTar } from "../layer-sink.ts";
import { storedLayer, storedTar } from "../layer-source.ts";
import type { RepackRequest, WorkerResults } from "../protocol.ts";

export async function serve(
  { layer, packing, exact }: RepackRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<WorkerResults["repack"]> {
  if (exact) return { layer: await packTar(storedTar(layer, context, signal), layer.diffId, packing, context, signal) };
  const entries = storedLayer(layer, context, { signal, room: false });
  return { layer: await packLayer(entries, packing, context, signal) };
}
