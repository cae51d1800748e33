import { mapLimit } from "../base/concurrency.ts";
import type { ImageLayer } from "../engine/engine.ts";
import { layerRow } from "../engine/results.ts";
import { layerCompression } from "../oci/media-type.ts";
import type { Store } from "../store/store.ts";
import type { LayerBlob, Packing } from "../worker/protocol.ts";
import type { Worker } from "../worker/spawn.ts";
import type { LayerFetcher } from "./fetch-layer.ts";

export interface RecompressTools {
  readonly store: Store;
  readonly layers: LayerFetcher;
  readonly signal: AbortSignal;
  worker(): Promise<Worker>;
}

/** Layers at the same time; each compresses on all processors. */
const PARALLEL = 2;

/**
 * `force-compression`: layers of bases that are compressed in another way than `packing` says are fetched
 * and written once more, with the same tar inside.
 */
export async function recompressBases(
  made: readonly ImageLayer[],
  packing: Packing,
  tools: RecompressTools,
): Promise<readonly ImageLayer[]> {
  return mapLimit(made, PARALLEL, tools.signal, async (layer, signal) => {
    if (layer.kind !== "base") return layer;
    const descriptor = layer.image.layers[layer.index];
    if (descriptor === undefined || layerCompression(descriptor.mediaType) === packing.compression) return layer;
    return { ...layer, blob: await recompressed(layer, packing, { ...tools, signal }) };
  });
}

async function recompressed(
  { image, index }: Extract<ImageLayer, { kind: "base" }>,
  packing: Packing,
  { store, layers, signal, worker }: RecompressTools,
): Promise<LayerBlob> {
  const known = store.records.table<LayerBlob>("layers");
  const row = layerRow(`recompressed ${image.layers[index]?.digest}`, { ...packing, epoch: undefined });
  const found = known.get(row);
  if (found !== undefined && store.blobs.has(found.digest, found.size)) return found;
  const layer = await layers.fetch(image, index, signal);
  const packer = await worker();
  const repacked = await packer.request({ op: "repack", layer, packing, exact: true }, { signal });
  known.put(row, repacked.layer);
  return repacked.layer;
}
