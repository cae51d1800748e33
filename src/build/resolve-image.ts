import { statSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import type { ImageLayout } from "../engine/types.ts";
import { assertDiffIds, parseConfig, type CompleteConfig } from "../oci/config.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestOf, type Digest } from "../oci/digest.ts";
import { indexPlatforms, selectManifests, type ImageIndex } from "../oci/image-index.ts";
import { assertImage, parseManifestOrIndex, type ImageManifest } from "../oci/manifest.ts";
import { matchPlatform } from "../oci/platform-match.ts";
import { formatPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import { familiarReference, repositoryName, withDefaultTag, type Reference } from "../oci/reference.ts";
import type { RegistryClient } from "../registry/types.ts";
import type { Session, Store } from "../store/store.ts";

/** A base image for one platform: its documents are in the store, its layers need not be. */
export interface ResolvedImage {
  readonly descriptor: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  readonly config: CompleteConfig;
  readonly platform: Platform;
}

/** Where images are read. */
export type ImageSource = Pick<RegistryClient, "resolve" | "getManifest" | "getBlob">;

/**
 * Resolves base images, each name once a build: the registry is asked what the tag names today, the
 * documents come from the store where they are known by digest.
 */
export class ImageResolver {
  readonly #client: ImageSource;
  readonly #store: Store;
  readonly #session: () => Session;
  readonly #roots = new Map<string, Promise<Descriptor>>();
  readonly #images = new Map<string, Promise<ResolvedImage>>();
  /** Platforms share an index, and registries count who fetches it. */
  readonly #documents = new Map<string, Promise<ImageManifest | ImageIndex>>();

  constructor(client: ImageSource, store: Store, session: () => Session) {
    this.#client = client;
    this.#store = store;
    this.#session = session;
  }

  /** An image of `layout` is read there, and no registry is asked. */
  async resolve(
    reference: Reference,
    platform: Platform,
    signal: AbortSignal,
    layout?: ImageLayout,
  ): Promise<ResolvedImage> {
    const name = `${familiarReference(reference)} ${formatPlatform(platform)} ${layout?.directory ?? ""}`;
    return remember(this.#images, name, async () => {
      if (layout === undefined) return this.#resolve(reference, await this.#root(reference, signal), platform, signal);
      const { imagesOfLayout } = await import("./context/layout.ts");
      const resolver = new ImageResolver(imagesOfLayout(layout), this.#store, this.#session);
      return resolver.#resolve(reference, layout.descriptor, platform, signal);
    });
  }

  async #resolve(
    reference: Reference,
    root: Descriptor,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<ResolvedImage> {
    const document = await this.#document(reference, root, signal);
    const [descriptor, manifest] =
      document.kind === "manifest" ? [root, document] : await this.#child(reference, document, platform, signal);
    assertImage(manifest, `manifest of ${familiarReference(reference)}`);
    const config = await this.#config(reference, manifest, signal);
    // A name of one platform's image alone is taken at its word, as BuildKit does.
    if (document.kind === "index" && !matchPlatform(platform).matches(config))
      throw noPlatform(reference, platform, [config]);
    assertDiffIds(config, manifest, `config of ${familiarReference(reference)}`);
    return {
      descriptor,
      layers: manifest.layers,
      diffIds: config.rootfs.diff_ids,
      config,
      platform: normalizePlatform(config),
    };
  }

  /** What the name means now. A digest names itself and needs no question where its bytes are here. */
  #root(reference: Reference, signal: AbortSignal): Promise<Descriptor> {
    return remember(
      this.#roots,
      familiarReference(reference),
      async () => this.#pinned(reference) ?? this.#client.resolve(withDefaultTag(reference), signal),
    );
  }

  #pinned({ digest }: Reference): Descriptor | undefined {
    if (digest === undefined) return undefined;
    const size = statSync(this.#store.blobs.path(digest), { throwIfNoEntry: false })?.size ?? 0;
    if (size === 0 || size > MAX_DOCUMENT_BYTES) return undefined;
    const bytes = this.#store.blobs.readBytes(digest, size);
    return bytes === undefined ? undefined : { mediaType: parseManifestOrIndex(bytes).mediaType, digest, size };
  }

  async #child(
    reference: Reference,
    index: ImageIndex,
    platform: Platform,
    signal: AbortSignal,
    depth = 1,
  ): Promise<[Descriptor, ImageManifest]> {
    const child = selectManifests(index, platform)[0];
    if (child === undefined) throw noPlatform(reference, platform, indexPlatforms(index));
    const document = await this.#document(reference, child, signal);
    if (document.kind === "manifest") return [child, document];
    if (depth === MAX_NESTED_INDEXES) {
      throw new AppError(
        "MANIFEST_NESTED",
        `${familiarReference(reference)} is an index of indexes, more than ${MAX_NESTED_INDEXES} deep`,
      );
    }
    return this.#child(reference, document, platform, signal, depth + 1);
  }

  #document(reference: Reference, descriptor: Descriptor, signal: AbortSignal): Promise<ImageManifest | ImageIndex> {
    const name = `${repositoryName(reference)} ${descriptor.digest} ${descriptor.mediaType}`;
    return remember(this.#documents, name, () => this.#readDocument(reference, descriptor, signal));
  }

  async #readDocument(
    reference: Reference,
    descriptor: Descriptor,
    signal: AbortSignal,
  ): Promise<ImageManifest | ImageIndex> {
    const what = `manifest of ${familiarReference(reference)}`;
    const known = this.#store.blobs.readBytes(descriptor.digest, descriptor.size);
    if (known !== undefined) return parseManifestOrIndex(known, descriptor.mediaType, what);
    const { bytes } = await this.#client.getManifest({ ...reference, digest: descriptor.digest }, signal);
    const document = parseManifestOrIndex(bytes, descriptor.mediaType, what);
    this.#keep(bytes);
    return document;
  }

  async #config(reference: Reference, manifest: ImageManifest, signal: AbortSignal): Promise<CompleteConfig> {
    const { digest, size } = manifest.config;
    const what = `config of ${familiarReference(reference)}`;
    if (size > MAX_DOCUMENT_BYTES)
      throw new AppError("CONFIG_TOO_LARGE", `${what} has ${size} bytes, expected at most ${MAX_DOCUMENT_BYTES}`);
    const known = this.#store.blobs.readBytes(digest, size);
    if (known !== undefined) return parseConfig(known, what);
    const chunks: Uint8Array[] = [];
    await this.#client.getBlob(
      reference,
      manifest.config,
      { write: (chunk) => chunks.push(Buffer.from(chunk)), reset: () => (chunks.length = 0) },
      signal,
    );
    const bytes = Buffer.concat(chunks);
    const config = parseConfig(bytes, what);
    this.#keep(bytes);
    return config;
  }

  #keep(bytes: Uint8Array): void {
    const writer = this.#store.blobs.writer(this.#session());
    writer.write(bytes);
    writer.commit({ digest: digestOf(bytes), size: bytes.length });
  }
}

/** What the image-spec asks registries to take for a manifest; no config needs more. */
const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024;
const MAX_NESTED_INDEXES = 4;

function noPlatform(reference: Reference, platform: Platform, offered: readonly Platform[]): AppError {
  const names = offered.map(formatPlatform).join(", ") || "none";
  return new AppError(
    "MANIFEST_NO_PLATFORM",
    `${familiarReference(reference)} has no image for ${formatPlatform(platform)}; it has ${names}`,
    {
      hint: "Choose another base image, or leave this platform out of --platform.",
    },
  );
}

function remember<V>(promises: Map<string, Promise<V>>, name: string, make: () => Promise<V>): Promise<V> {
  let promise = promises.get(name);
  if (promise === undefined) {
    promise = make();
    promise.catch(() => {});
    promises.set(name, promise);
  }
  return promise;
}
