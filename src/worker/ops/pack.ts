import { diffEntries } from "../../snapshot/diff.ts";
import type { Call, WorkerContext } from "../context.ts";
import { packLayer } from "../layer-sink.ts";
import type { PackRequest, WorkerResults } from "../protocol.ts";
import { chainTree, layerDirectories } from "../snapshots.ts";

export async function serve(
  { id, parents, packing }: PackRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<WorkerResults["pack"]> {
  const [directory = ""] = layerDirectories([id], context);
  const entries = diffEntries(directory, chainTree(parents, context), { syscalls: context.syscalls });
  return { layer: await packLayer(entries, packing, context, signal) };
}
