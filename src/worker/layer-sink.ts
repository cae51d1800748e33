import { availableParallelism } from "node:os";
import type { Entries } from "../layer/entry.ts";
import { AppError } from "../base/errors.ts";
import { writeBlocks, writeLayer, type LayerWriteOptions, type WrittenLayer } from "../layer/write-layer.ts";
import type { Digest } from "../oci/digest.ts";
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
  const { epoch } = packing;
  const clampMtime = epoch === undefined ? undefined : BigInt(epoch) * NANOSECONDS;
  return storeLayer(packing, context, signal, (options) => writeLayer(entries, { ...options, clampMtime }));
}

/** The same of a layer's tar, byte for byte. Throws `LAYER_DIGEST_MISMATCH` where it is not the one of `diffId`. */
export async function packTar(
  tar: AsyncIterable<Uint8Array>,
  diffId: Digest,
  packing: Packing,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<LayerBlob> {
  return storeLayer(packing, context, signal, async (options) => {
    const written = await writeBlocks(tar, options);
    if (written.diffId === diffId) return written;
    throw new AppError("LAYER_DIGEST_MISMATCH", `uncompressed layer: expected ${diffId}, found ${written.diffId}`, {
      hint: "Fetch the layer again; if that does not help, the image was pushed broken.",
    });
  });
}

type WriteOptions = Pick<LayerWriteOptions, "compression" | "parallelism" | "sink" | "signal">;

async function storeLayer(
  { compression, level, format }: Packing,
  context: WorkerContext,
  signal: AbortSignal,
  write: (options: WriteOptions) => Promise<WrittenLayer>,
): Promise<LayerBlob> {
  const writer = context.store.blobs.writer(context.temp);
  try {
    const { diffId, digest, size } = await write({
      compression: { kind: compression, level },
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
