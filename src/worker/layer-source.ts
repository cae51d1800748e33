import { statfsSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import type { Entry } from "../layer/entry.ts";
import { readLayer } from "../layer/read-layer.ts";
import { openLayerStream } from "../layer/decompress.ts";
import { layerCompression, type LayerCompression } from "../oci/media-type.ts";
import type { WorkerContext } from "./context.ts";
import type { LayerBlob } from "./protocol.ts";

/**
 * The entries of a layer blob of the store. Its digest and size are checked by the store as it is read,
 * its diffID by the reader: both before the last entry has come. `room`: stop a layer that is larger
 * than the disk has room for, since its entries are written there.
 */
export function storedLayer(
  layer: LayerBlob,
  { store }: WorkerContext,
  { signal, room }: { readonly signal: AbortSignal; readonly room: boolean },
): AsyncIterable<Entry> {
  return readLayer(store.blobs.read(layer.digest, layer.size), {
    kind: compressionOf(layer),
    diffId: layer.diffId,
    signal,
    guard: room ? { bytes: freeBytes(store.root) } : undefined,
  });
}

/** The tar of a layer blob of the store; whether it is the right one only its diffID tells. */
export function storedTar(layer: LayerBlob, { store }: WorkerContext, signal: AbortSignal): AsyncIterable<Uint8Array> {
  return openLayerStream(store.blobs.read(layer.digest, layer.size), compressionOf(layer), { signal });
}

function compressionOf({ digest, mediaType }: LayerBlob): LayerCompression {
  const kind = layerCompression(mediaType);
  if (kind === undefined) {
    throw new AppError(
      "LAYER_UNSUPPORTED",
      `layer ${digest} has media type ${JSON.stringify(mediaType)}, which is no layer that can be read`,
    );
  }
  return kind;
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
