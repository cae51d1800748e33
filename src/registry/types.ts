import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Clock, RetryPolicy } from "./retry.ts";
import type { Timeouts } from "./http/transport.ts";
import type { Mirrors } from "./mirrors.ts";

/** A repository of a registry, normalised (`docker.io`, `library/busybox`). Every reference is one. */
export type Repository = Pick<Reference, "domain" | "path">;

/** Where a blob's bytes go. They are verified only when {@link RegistryClient.getBlob} has resolved. */
export interface BlobSink {
  /** Takes the next bytes, in order. May keep the chunk. What it throws ends the transfer. */
  write(chunk: Uint8Array): void;
  /**
   * Forgets everything written. Where it is missing, a blob that proves wrong at a mirror cannot be
   * fetched again from the next place.
   */
  reset?(): void;
  /** The digest of what was written since the start or the last reset, where the sink hashes anyway: spares doing it twice. */
  digest?(): Digest;
}

/** A blob to push. */
export interface BlobSource {
  readonly digest: Digest;
  readonly size: number;
  /**
   * Starts from the first byte each time: a broken upload is sent again. Called only when the bytes are
   * needed. A chunk may be used again as soon as the next one is asked for.
   */
  open(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** Bytes that have passed so far. Falls back to 0 when an upload starts again. */
export type OnProgress = (transferred: number) => void;

export type PushOutcome = "exists" | "mounted" | "uploaded";

export interface FetchedManifest {
  readonly descriptor: Descriptor;
  /** As the registry sent them; their digest is the descriptor's. */
  readonly bytes: Uint8Array;
}

export interface RegistryClientOptions {
  /** Proxies, credentials, helper programs and trusted certificates are found through it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `host` or `host:port` that may be spoken to without TLS. Loopback hosts always may. Default none. */
  readonly plainHttp?: readonly string[] | undefined;
  /** From {@link parseMirrors}. Mirrors serve pulls only. Default none. */
  readonly mirrors?: Mirrors | undefined;
  /** Requests in flight per host, 1 or more. Default 4. */
  readonly concurrency?: number | undefined;
  readonly retry?: Partial<RetryPolicy> | undefined;
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** Replaced by tests. */
  readonly clock?: Clock | undefined;
  /** One line for the user, each text once: a registry's `Warning` header, a mirror that failed. */
  readonly onWarning?: ((text: string) => void) | undefined;
}

/**
 * Talks to registries. Every byte it hands out was verified by size and digest.
 *
 * Rejects with `REGISTRY_*` and `CREDENTIALS_*` errors, or with the signal's reason.
 */
export interface RegistryClient {
  /**
   * The descriptor of a manifest, from the mirrors or the registry; `REGISTRY_NOT_FOUND` where it is not.
   * In every call a digest wins over a tag, and the tag is `latest` where there is neither.
   */
  resolve(reference: Reference, signal: AbortSignal): Promise<Descriptor>;
  /** A manifest or index, at most 4 MiB, from the mirrors or the registry. */
  getManifest(reference: Reference, signal: AbortSignal): Promise<FetchedManifest>;
  /** Streams a blob into `sink`, from the mirrors or the registry. Resumes broken transfers. */
  getBlob(
    repository: Repository,
    descriptor: Descriptor,
    sink: BlobSink,
    signal: AbortSignal,
    onProgress?: OnProgress,
  ): Promise<void>;
  /**
   * Rejects where a push to the repository would be refused, or its host cannot be reached. A registry
   * that takes no such question passes.
   */
  checkPush(repository: Repository, signal: AbortSignal): Promise<void>;
  /** Whether the registry itself (no mirror) has the manifest. */
  hasManifest(reference: Reference, signal: AbortSignal): Promise<boolean>;
  /**
   * Makes sure that the blob is in the repository: asks, mounts or uploads. `mountFrom` names
   * repositories of the same registry that are thought to have it. Equal calls at the same time share one transfer.
   */
  pushBlob(
    repository: Repository,
    source: BlobSource,
    options: { readonly mountFrom?: readonly string[] | undefined },
    signal: AbortSignal,
    onProgress?: OnProgress,
  ): Promise<PushOutcome>;
  /**
   * Stores a manifest or index, by its digest or under a tag. Everything it names must be there before.
   * A second call with the same arguments changes nothing.
   */
  pushManifest(
    repository: Repository,
    bytes: Uint8Array,
    mediaType: string,
    target: { readonly tag?: string | undefined },
    signal: AbortSignal,
  ): Promise<Descriptor>;
  /** Closes idle connections. The client can be used again. */
  close(): void;
}
