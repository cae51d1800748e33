import type { ImageLayer } from "../engine/engine.ts";
import type { StepId, Target } from "../engine/types.ts";
import type { Annotation } from "../oci/annotation.ts";
import { convertLayerType, type ImageFormat } from "../oci/media-type.ts";
import { assembleImage, type Image, type Layer } from "../output/image.ts";
import type { LayerBlob } from "../worker/protocol.ts";
import { writeHistory } from "./history.ts";

/** Says how a base's layer is brought into the store, where an output must have its bytes. */
export type FetchBaseLayer = (layer: Extract<ImageLayer, { kind: "base" }>, signal: AbortSignal) => Promise<void>;

export interface AssembleOptions {
  readonly format: ImageFormat;
  readonly annotations: readonly Annotation[];
  /** Seconds since the epoch: SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
  readonly fetch: FetchBaseLayer;
  /** A step as people know it: `[3/5] RUN make`. */
  readonly describe: (step: StepId) => string;
}

/** Joins what the Dockerfile says of a target's image with the layers that were made for it. */
export function assembleTarget(target: Target, made: readonly ImageLayer[], options: AssembleOptions): Image {
  const { format, annotations, epoch, fetch, describe } = options;
  const { platform, config } = target;
  const layers = made.map((layer) => imageLayer(layer, format, fetch));
  return assembleImage({
    platform,
    config,
    layers,
    ...writeHistory(target.history, made, epoch, describe),
    format,
    annotations,
  });
}

function imageLayer(layer: ImageLayer, format: ImageFormat, fetch: FetchBaseLayer): Layer {
  if (layer.kind === "made") return storedLayer(layer.blob, format);
  if (layer.blob !== undefined) return storedLayer(layer.blob, format);
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

function storedLayer({ mediaType, digest, size, diffId }: LayerBlob, format: ImageFormat): Layer {
  return {
    descriptor: { mediaType: convertLayerType(mediaType, format), digest, size },
    diffId,
    source: { kind: "store" },
  };
}
