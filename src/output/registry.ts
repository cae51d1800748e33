import { mapLimit } from "../base/concurrency.ts";
import type { OnTransfer, Transfer, TransferState } from "../base/transfer.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { repositoryName, type Reference } from "../oci/reference.ts";
import type { BlobSource, RegistryClient, Repository } from "../registry/types.ts";
import type { Document, Image, Layer } from "./image.ts";

export interface PushOptions {
  readonly client: RegistryClient;
  readonly images: readonly Image[];
  /** The index where there are several images; undefined: the one image's manifest is what tags name. */
  readonly index: Document | undefined;
  /** Where it is pushed to. One without a tag gets the manifests alone, by their digests. */
  readonly names: readonly Reference[];
  readonly onTransfer: OnTransfer;
  readonly signal: AbortSignal;
  /** A blob of the store. */
  readBlob(digest: Digest, size: number): AsyncIterable<Uint8Array>;
  /** Repositories of `registry` that may hold a base's layers, to mount them from. */
  mountSources(registry: string, base: Reference): readonly string[];
}

/** Blobs at the same time, over all hosts; the client bounds each host. */
const PARALLEL = 8;

/**
 * Pushes images so that no reader ever meets a tag that leads to something missing: blobs, then
 * manifests by digest, then the index by digest, in every repository; tags last and all together.
 */
export async function pushImages(options: PushOptions): Promise<void> {
  const repositories = new Map(options.names.map((name) => [repositoryName(name), name]));
  await mapLimit([...repositories.values()], PARALLEL, options.signal, (repository, signal) =>
    pushRepository({ ...options, signal }, repository),
  );
  const root = rootDocument(options);
  const tagged = options.names.filter((name) => name.tag !== undefined);
  await mapLimit(tagged, PARALLEL, options.signal, (name, signal) =>
    pushDocument({ ...options, signal }, name, root, `tag ${name.tag}`, name.tag),
  );
}

/** What the tags name. */
export function rootDocument({ images, index }: Pick<PushOptions, "images" | "index">): Document {
  const root = index ?? images[0]?.manifest;
  if (root === undefined) throw new Error("a push of no image");
  return root;
}

async function pushRepository(options: PushOptions, repository: Reference): Promise<void> {
  const { client, images, index, signal } = options;
  // A registry takes an index only when it has what it names, so its presence speaks for all of that.
  if (
    await client.hasManifest(
      { domain: repository.domain, path: repository.path, digest: rootDocument(options).descriptor.digest },
      signal,
    )
  ) {
    for (const layer of uniqueLayers(images))
      tell(options, repository, "layer", layer.descriptor, { kind: "skipped", reason: "exists" });
    return;
  }
  await mapLimit(uniqueLayers(images), PARALLEL, signal, (layer, inner) =>
    pushLayer({ ...options, signal: inner }, repository, layer),
  );
  await mapLimit(images, PARALLEL, signal, (image, inner) =>
    pushConfig({ ...options, signal: inner }, repository, image.config),
  );
  await mapLimit(images, PARALLEL, signal, (image, inner) =>
    pushDocument(
      { ...options, signal: inner },
      repository,
      image.manifest,
      `manifest ${formatPlatform(image.platform)}`,
    ),
  );
  if (index !== undefined) await pushDocument(options, repository, index, "index");
}

async function pushLayer(options: PushOptions, repository: Reference, layer: Layer): Promise<void> {
  const { signal } = options;
  const { digest, size } = layer.descriptor;
  const base = layer.source.kind === "registry" ? layer.source.base : undefined;
  const source = layer.source;
  const mountFrom = base === undefined ? [] : options.mountSources(repository.domain, base);
  const open = async function* (): AsyncIterable<Uint8Array> {
    // Only when the registry neither has the layer nor can mount it must its bytes come here.
    if (source.kind === "registry") await source.fetch(signal);
    yield* options.readBlob(digest, size);
  };
  await pushBlob(options, repository, "layer", layer.descriptor, { digest, size, open }, mountFrom);
}

async function pushConfig(options: PushOptions, repository: Reference, config: Document): Promise<void> {
  const { digest, size } = config.descriptor;
  await pushBlob(options, repository, "config", config.descriptor, { digest, size, open: () => [config.bytes] }, []);
}

async function pushBlob(
  options: PushOptions,
  repository: Repository & Reference,
  what: string,
  descriptor: Descriptor,
  source: BlobSource,
  mountFrom: readonly string[],
): Promise<void> {
  const start = performance.now();
  let sending = false;
  const outcome = await options.client.pushBlob(repository, source, { mountFrom }, options.signal, (bytes) => {
    if (!sending) tell(options, repository, what, descriptor, { kind: "started" });
    sending = true;
    tell(options, repository, what, descriptor, { kind: "progress", bytes });
  });
  switch (outcome) {
    case "exists":
    case "mounted":
      return tell(options, repository, what, descriptor, { kind: "skipped", reason: outcome });
    case "uploaded":
      return tell(options, repository, what, descriptor, { kind: "done", milliseconds: performance.now() - start });
  }
}

async function pushDocument(
  options: PushOptions,
  repository: Reference,
  document: Document,
  what: string,
  tag?: string,
): Promise<void> {
  const start = performance.now();
  await options.client.pushManifest(repository, document.bytes, document.descriptor.mediaType, { tag }, options.signal);
  tell(options, repository, what, document.descriptor, { kind: "done", milliseconds: performance.now() - start });
}

function uniqueLayers(images: readonly Image[]): readonly Layer[] {
  return [
    ...new Map(images.flatMap((image) => image.layers).map((layer) => [layer.descriptor.digest, layer])).values(),
  ];
}

function tell(
  options: PushOptions,
  repository: Reference,
  what: string,
  descriptor: Descriptor,
  state: TransferState,
): void {
  const transfer: Transfer = {
    kind: "transfer",
    direction: "push",
    what,
    repository: repositoryName(repository),
    digest: descriptor.digest,
    total: descriptor.size,
    state,
  };
  options.onTransfer(transfer);
}
