import type { ImageLayer } from "../engine/engine.ts";
import type { HistoryItem, StepId, Target } from "../engine/types.ts";
import type { HistoryEntry } from "../oci/config.ts";
import { convertLayerType, type ImageFormat } from "../oci/media-type.ts";
import { assembleImage, type Image, type Layer } from "../output/image.ts";

/** Says how a base's layer is brought into the store, where an output must have its bytes. */
export type FetchBaseLayer = (layer: Extract<ImageLayer, { kind: "base" }>, signal: AbortSignal) => Promise<void>;

/** Joins what the Dockerfile says of a target's image with the layers that were made for it. */
export function assembleTarget(
  target: Target,
  made: readonly ImageLayer[],
  options: { readonly format: ImageFormat; readonly epoch: number | undefined; readonly fetch: FetchBaseLayer },
): Image {
  const times = new Map<StepId, string>();
  for (const layer of made) {
    if (layer.kind === "made")
      times.set(layer.step, timestamp(options.epoch === undefined ? layer.created : options.epoch * 1000));
  }
  const { history, created } = writeHistory(target.history, times);
  const layers = made.map((layer) => imageLayer(layer, options.format, options.fetch));
  return assembleImage({
    platform: target.platform,
    config: target.config,
    layers,
    history,
    created,
    format: options.format,
  });
}

function imageLayer(layer: ImageLayer, format: ImageFormat, fetch: FetchBaseLayer): Layer {
  if (layer.kind === "made") {
    const { mediaType, digest, size, diffId } = layer.blob;
    return { descriptor: { mediaType, digest, size }, diffId, source: { kind: "store" } };
  }
  const descriptor = layer.image.layers[layer.index];
  const diffId = layer.image.diffIds[layer.index];
  if (descriptor === undefined || diffId === undefined) throw new Error("a base layer without descriptor");
  const { digest, size } = descriptor;
  return {
    // Bases keep their bytes; only the name of their type follows the family of the new image.
    descriptor: { mediaType: convertLayerType(descriptor.mediaType, format), digest, size },
    diffId,
    source: { kind: "registry", base: layer.image.reference, fetch: (signal) => fetch(layer, signal) },
  };
}

/**
 * History as BuildKit writes it: the base's entries, then one for each instruction. An instruction
 * without a layer has no time of its own and takes that of the entry before, so that building again
 * what has not changed gives the same config.
 */
function writeHistory(
  items: readonly HistoryItem[],
  times: ReadonlyMap<StepId, string>,
): { history: readonly HistoryEntry[]; created: string } {
  let created = timestamp(0);
  const history = items.map((item): HistoryEntry => {
    if (item.kind === "base") {
      created = item.entry.created ?? created;
      return item.entry;
    }
    const common = { created_by: item.createdBy, comment: "buildkit.dockerfile.v0" };
    if (item.kind === "empty") return { created, ...common, empty_layer: true };
    created = times.get(item.step) ?? created;
    return { created, ...common };
  });
  return { history, created };
}

function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
