import { AppError } from "../base/errors.ts";
import type { OnTransfer, TransferState } from "../base/transfer.ts";
import type { ImageLayout, ImageStep } from "../engine/types.ts";
import type { Digest } from "../oci/digest.ts";
import { repositoryName } from "../oci/reference.ts";
import type { RegistryClient } from "../registry/types.ts";
import type { ImageSource } from "./resolve-image.ts";
import type { Session, Store } from "../store/store.ts";
import type { LayerBlob } from "../worker/protocol.ts";

/** Brings layers of base images into the store: each once, and only when something asks for it. */
export class LayerFetcher {
  readonly #client: RegistryClient;
  readonly #store: Store;
  readonly #session: () => Session;
  readonly #onTransfer: OnTransfer;
  readonly #fetched = new Map<Digest, Promise<LayerBlob>>();

  constructor(client: RegistryClient, store: Store, session: () => Session, onTransfer: OnTransfer) {
    this.#client = client;
    this.#store = store;
    this.#session = session;
    this.#onTransfer = onTransfer;
  }

  fetch(image: ImageStep, index: number, signal: AbortSignal): Promise<LayerBlob> {
    const descriptor = image.layers[index];
    if (descriptor === undefined) throw new Error(`layer ${index} of an image with ${image.layers.length}`);
    const { digest } = descriptor;
    let fetched = this.#fetched.get(digest);
    if (fetched === undefined) {
      fetched = this.#fetch(image, index, signal);
      fetched.catch(() => {});
      this.#fetched.set(digest, fetched);
    }
    return fetched;
  }

  async #fetch(image: ImageStep, index: number, signal: AbortSignal): Promise<LayerBlob> {
    const descriptor = image.layers[index];
    const diffId = image.diffIds[index];
    if (descriptor === undefined || diffId === undefined)
      throw new AppError("MANIFEST_INVALID", "layers and diff_ids of a base differ in number");
    const { digest, size, mediaType } = descriptor;
    const tell = (state: TransferState): void =>
      this.#onTransfer({
        kind: "transfer",
        direction: "pull",
        what: "layer",
        repository: repositoryName(image.reference),
        digest,
        total: size,
        state,
      });
    if (this.#store.blobs.has(digest, size)) {
      tell({ kind: "skipped", reason: "present" });
      return { digest, size, mediaType, diffId };
    }
    const start = performance.now();
    tell({ kind: "started" });
    await this.#download(image, digest, size, mediaType, signal, (bytes) => tell({ kind: "progress", bytes }));
    tell({ kind: "done", milliseconds: performance.now() - start });
    return { digest, size, mediaType, diffId };
  }

  async #download(
    image: ImageStep,
    digest: Digest,
    size: number,
    mediaType: string,
    signal: AbortSignal,
    onProgress: (bytes: number) => void,
  ): Promise<void> {
    let writer = this.#store.blobs.writer(this.#session());
    const reset = (): void => {
      writer.abort();
      writer = this.#store.blobs.writer(this.#session());
    };
    // The writer hashes what it gets; the client need not do it again.
    const sink = { write: (chunk: Uint8Array): void => writer.write(chunk), digest: () => writer.digest(), reset };
    try {
      const source = image.layout === undefined ? this.#client : await layoutSource(image.layout);
      await source.getBlob(image.reference, { digest, size, mediaType }, sink, signal, onProgress);
      await writer.commitAsync({ digest, size }, signal);
    } catch (error) {
      writer.abort();
      throw error;
    }
  }
}

async function layoutSource(layout: ImageLayout): Promise<ImageSource> {
  const { imagesOfLayout } = await import("./context/layout.ts");
  return imagesOfLayout(layout);
}
