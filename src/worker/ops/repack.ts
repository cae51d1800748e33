import type { Call, WorkerContext } from "../context.ts";
import { packLayer } from "../layer-sink.ts";
import { storedLayer } from "../layer-source.ts";
import type { RepackRequest, WorkerResults } from "../protocol.ts";

export async function serve(
  { layer, packing }: RepackRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<WorkerResults["repack"]> {
  const entries = storedLayer(layer, context, { signal, room: false });
  return { layer: await packLayer(entries, packing, context, signal) };
}
