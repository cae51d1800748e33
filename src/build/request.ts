import type { Hidden } from "../base/hidden.ts";
import type { Annotation } from "../oci/annotation.ts";
import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import type { Mirrors } from "../registry/mirrors.ts";
import type { RunLimits } from "../sandbox/cgroups/limits.ts";
import type { RungChoice } from "../sandbox/rung.ts";
import type { HostEntry, Ulimit } from "../worker/protocol.ts";

/** What `manyarch build` was asked for, as plain data: everything parsed, nothing looked up. */
export interface BuildRequest {
  readonly context: ContextInput;
  /** Undefined: the context's own `Dockerfile`. */
  readonly dockerfile: DockerfileInput | undefined;
  readonly target: string | undefined;
  /** In the order asked for; empty: the platform of this machine. */
  readonly platforms: readonly Platform[];
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Those that count for one platform only, over `buildArgs`. */
  readonly platformArgs: readonly PlatformArgs[];
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
  /** SSH agents by id; for RUN --mount=type=ssh. */
  readonly agents: ReadonlyMap<string, AgentSource>;
  /** Stages that compile Go and would be emulated: run them here and compile for the target, or say what to change. */
  readonly cross: "auto" | "suggest" | "off";
  readonly noCache: boolean;
  /** Destinations of pushes are asked before anything is executed whether they take them. */
  readonly checkPush: boolean;
  /** Stages whose steps are all executed. */
  readonly noCacheStages: readonly string[];
  readonly runs: RunSettings;
  /** What a RUN may use; the image is the same without. */
  readonly limits: RunLimits;
  /** What to tell before anything else. */
  readonly notes: readonly RequestNote[];
  /** `auto`: RUNs trust the CAs that this machine trusts. */
  readonly hostCa: "auto" | "off";
  /** `auto`: RUNs that compile Go keep their build cache from build to build. */
  readonly goCache: "auto" | "off";
  /** --sandbox and --min-sandbox. */
  readonly sandbox: RungChoice;
  /** How the image is written where no output says otherwise. */
  readonly image: ImageOptions;
  /** Seconds since the epoch: SOURCE_DATE_EPOCH. */
  readonly epoch: number | undefined;
  /** Steps at the same time; undefined: one for each CPU, at least two. */
  readonly parallelism: number | undefined;
  /** Directory of the store. */
  readonly root: string | undefined;
  readonly registry: RegistrySettings;
}

/** Where the files to build are. */
export type ContextInput =
  /** Absolute. */
  | { readonly kind: "directory"; readonly directory: string }
  /** An archive, or a Dockerfile that needs no files. */
  | { readonly kind: "stdin" }
  /** Of a repository, an archive or a Dockerfile; it may hold a password. */
  | { readonly kind: "address"; readonly address: Hidden<string> };

export type DockerfileInput =
  /** Absolute. */
  | { readonly kind: "file"; readonly path: string }
  /** Of a context that is no directory: from its root. */
  | { readonly kind: "inside"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "address"; readonly address: Hidden<string> };

export interface PlatformArgs {
  readonly platform: Platform;
  readonly name: string;
  readonly value: string;
}

export interface RequestNote {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** What holds for every RUN. */
export interface RunSettings {
  readonly hosts: readonly HostEntry[];
  readonly ulimits: readonly Ulimit[];
  /** Bytes; undefined: as it always is. */
  readonly shmSize: number | undefined;
  readonly network: "default" | "host" | "none";
  /** `RUN --security=insecure` may be. */
  readonly allowInsecure: boolean;
}

export type ContextSource =
  | { readonly kind: "directory"; readonly directory: string }
  /** An image by another name. */
  | { readonly kind: "image"; readonly name: string }
  /** An image in a directory of this machine; without tag or digest the only one that is there. */
  | {
      readonly kind: "layout";
      readonly directory: string;
      readonly tag?: string | undefined;
      readonly digest?: string | undefined;
    }
  /** A stage of the Dockerfile. */
  | { readonly kind: "stage"; readonly name: string }
  /** A repository or a file; it may hold a password. */
  | { readonly kind: "address"; readonly address: Hidden<string> };

export type SecretSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "value"; readonly value: string };

export type AgentSource =
  | { readonly kind: "socket"; readonly path: string }
  /** Files with private keys. */
  | { readonly kind: "keys"; readonly paths: readonly string[] };

export interface RegistrySettings {
  readonly mirrors: Mirrors;
  /** Hosts that are spoken to without TLS, beside the loopback ones. */
  readonly plainHttp: readonly string[];
}

/** How an image is written down. Outputs that ask for the same share it. */
export interface ImageOptions {
  readonly compression: "gzip" | "zstd" | "none";
  /** Of the compressor; undefined: its default. */
  readonly level: number | undefined;
  /** Layers of bases get that compression too. */
  readonly forceCompression: boolean;
  readonly format: "oci" | "docker";
  /** SOURCE_DATE_EPOCH also counts for the files of new layers. */
  readonly rewriteTimestamp: boolean;
  readonly annotations: readonly Annotation[];
}

/** Where a result goes. A destination `-` is standard output. */
export type Output =
  | {
      readonly kind: "registry";
      readonly image: ImageOptions;
      /** Each with a tag, unless `byDigest`. */
      readonly names: readonly Reference[];
      /** Only manifests by their digests: no tag moves. */
      readonly byDigest: boolean;
    }
  /** An OCI layout: a tar file or a directory. */
  | {
      readonly kind: "oci";
      readonly image: ImageOptions;
      readonly names: readonly Reference[];
      readonly destination: string;
      readonly tar: boolean;
    }
  /** An archive for `docker load`. */
  | {
      readonly kind: "docker";
      readonly image: ImageOptions;
      readonly names: readonly Reference[];
      readonly destination: string;
    }
  /** The images of an engine of this machine: docker, podman or containerd. */
  | { readonly kind: "load"; readonly image: ImageOptions; readonly names: readonly Reference[] }
  /** The file system itself, as files or as one tar. */
  | FilesOutput
  /** Nothing but what the store keeps. */
  | { readonly kind: "cacheonly" };

export interface FilesOutput {
  readonly kind: "local" | "tar";
  readonly destination: string;
  /** A directory for each platform; undefined: where there are several. */
  readonly split: boolean | undefined;
}
