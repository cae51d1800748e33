import { statfsSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import type { Entry } from "../layer/entry.ts";
import { readLayer } from "../layer/read-layer.ts";
import { layerCompression } from "../oci/media-type.ts";
import type { WorkerContext } from "./context.ts";
import type { LayerBlob } from "./protocol.ts";

/**
 * The entries of a layer blob of the store. Its digest and size are checked by the store as it is read,
 * its diffID by the reader: both before the last entry has come. `room`: stop a layer that is larger
 * than the disk has room for, since its entries are written there.
 */
export function storedLayer(
  { digest, size, mediaType, diffId }: LayerBlob,
  { store }: WorkerContext,
  { signal, room }: { readonly signal: AbortSignal; readonly room: boolean },
): AsyncIterable<Entry> {
  const kind = layerCompression(mediaType);
  if (kind === undefined) {
    throw new AppError(
      "LAYER_UNSUPPORTED",
      `layer ${digest} has media type ${JSON.stringify(mediaType)}, which is no layer that can be read`,
    );
  }
  return readLayer(store.blobs.read(digest, size), {
    kind,
    diffId,
    signal,
    guard: room ? { bytes: freeBytes(store.root) } : undefined,
  });
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
