import { availableParallelism } from "node:os";
import type { Entries } from "../layer/entry.ts";
import { writeLayer } from "../layer/write-layer.ts";
import { layerType } from "../oci/media-type.ts";
import type { WorkerContext } from "./context.ts";
import type { LayerBlob, Packing } from "./protocol.ts";

const NANOSECONDS = 1_000_000_000n;

/** Writes entries as a layer blob into the store, where it is whole or not at all. */
export async function packLayer(
  entries: Entries,
  packing: Packing,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<LayerBlob> {
  const { compression, level, format, epoch } = packing;
  const writer = context.store.blobs.writer(context.temp);
  try {
    const { diffId, digest, size } = await writeLayer(entries, {
      compression: { kind: compression, level },
      clampMtime: epoch === undefined ? undefined : BigInt(epoch) * NANOSECONDS,
      parallelism: availableParallelism(),
      sink: { write: (chunk) => writer.write(chunk) },
      signal,
    });
    await writer.commitAsync({ digest, size }, signal);
    return { digest, size, mediaType: layerType(format, compression), diffId };
  } finally {
    writer.abort();
  }
}
