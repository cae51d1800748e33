import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import type { Mirrors } from "../registry/mirrors.ts";

/** What `manyarch build` was asked for, as plain data: everything parsed, nothing looked up. */
export interface BuildRequest {
  /** Directory of the build context, absolute. */
  readonly context: string;
  /** Path of the Dockerfile, absolute; undefined: the context's own `Dockerfile`. */
  readonly dockerfile: string | undefined;
  readonly target: string | undefined;
  /** In the order asked for; empty: the platform of this machine. */
  readonly platforms: readonly Platform[];
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Names for the image, each with a tag. */
  readonly tags: readonly Reference[];
  readonly outputs: readonly Output[];
  readonly metadataFile: string | undefined;
  readonly iidFile: string | undefined;
  /** --build-context: what a name stands for in FROM and in --from. */
  readonly contexts: ReadonlyMap<string, ContextSource>;
  /** By id; for RUN --mount=type=secret. */
  readonly secrets: ReadonlyMap<string, SecretSource>;
  /** Sockets of SSH agents by id; for RUN --mount=type=ssh. */
  readonly agents: ReadonlyMap<string, string>;
  readonly noCache: boolean;
  /** `auto`: RUNs trust the CAs that this machine trusts. */
  readonly hostCa: "auto" | "off";
  /** `auto`: RUNs that compile Go keep their build cache from build to build. */
  readonly goCache: "auto" | "off";
  readonly compression: "gzip" | "zstd" | "none";
  readonly format: "oci" | "docker";
  /** Seconds since the epoch: SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
  /** Steps at the same time; undefined: one for each CPU, at least two. */
  readonly parallelism: number | undefined;
  /** Directory of the store. */
  readonly root: string | undefined;
  readonly registry: RegistrySettings;
}

export type ContextSource =
  | { readonly kind: "directory"; readonly directory: string }
  /** An image by another name. */
  | { readonly kind: "image"; readonly name: string };

export type SecretSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "value"; readonly value: string };

export interface RegistrySettings {
  readonly mirrors: Mirrors;
  /** Hosts that are spoken to without TLS, beside the loopback ones. */
  readonly plainHttp: readonly string[];
}

/** Where a finished image goes. */
export type Output =
  | { readonly kind: "registry" }
  /** An OCI layout: a tar file, a directory, or `-` for a tar on standard output. */
  | { readonly kind: "oci"; readonly destination: string; readonly tar: boolean }
  /** The file system itself; a directory for each platform where there are several. */
  | { readonly kind: "local"; readonly destination: string };
