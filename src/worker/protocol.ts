import type { Digest } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";
import type { Emulator } from "../sandbox/emulation/types.ts";
import type { HostEntry } from "../sandbox/name-files.ts";
import type { Ulimit } from "../sandbox/spec.ts";
import type { SnapshotForm } from "../store/store.ts";
import type { InlineFile } from "../snapshot/inline-sources.ts";

export type { HostEntry, InlineFile, Ulimit };

/**
 * What control and worker say to each other: newline-delimited JSON on the worker's descriptor 3.
 * Blobs never cross it: the worker writes into the store and answers with their descriptors.
 */

/**
 * Names one layer's extracted directory in the store. Of an image's layer it is the chainID (what a
 * layer means depends on those below it), of a step's result the step key.
 */
export type SnapshotId = string;

/** A stack of snapshots, lowest first. Empty is an empty root (`scratch`). */
export type Chain = readonly SnapshotId[];

/** A layer blob that is in the store already. */
export interface LayerBlob {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
  readonly diffId: Digest;
}

/** Every request is idempotent: asked for a snapshot that exists, the worker answers at once. */
export type WorkerRequest =
  | ExtractRequest
  | IndexRequest
  | SelectRequest
  | CheckMachinesRequest
  | CopyRequest
  | MakeDirectoryRequest
  | RunRequest
  | PackRequest
  | RepackRequest
  | ExportRequest;

/** Extracts a layer on top of `parents` into snapshot `id`; verifies digest, size and diffID before it publishes. */
export interface ExtractRequest {
  readonly op: "extract";
  readonly layer: LayerBlob;
  readonly parents: Chain;
  readonly id: SnapshotId;
}

/** Reads a layer's headers into `indexes/DIFFID` of the store, without extracting it. */
export interface IndexRequest {
  readonly op: "index";
  readonly layer: LayerBlob;
}

/** Where COPY takes files from. */
export type CopySource =
  /** A directory of the machine. Owners become 0:0; `ignore` are .dockerignore patterns. */
  | { readonly kind: "context"; readonly directory: string; readonly ignore: readonly string[] }
  | { readonly kind: "chain"; readonly chain: Chain }
  | StoredFile;

/** One file, root's, whose bytes are a blob of the store. */
export interface StoredFile {
  readonly kind: "file";
  readonly name: string;
  readonly digest: Digest;
  readonly size: number;
  readonly mode: number;
  /** Nanoseconds since the epoch, decimal. */
  readonly mtime: string;
}

/** What is known of the file system that files are copied onto. */
export type BaseTree =
  | { readonly kind: "chain"; readonly chain: Chain }
  /** Layers known by their index only, lowest first, by diffID. */
  | { readonly kind: "indexes"; readonly diffIds: readonly Digest[] }
  /** Nothing on the way to the destination exists below: decided by the engine (engine/lazy-base.ts). */
  | { readonly kind: "absent" };

/** What a COPY takes of its source. */
export interface CopySelection {
  /** Patterns relative to the source's root, as the Dockerfile has them after expansion. */
  readonly paths: readonly string[];
  /** --parents: directories before a file come with it. */
  readonly parents?: boolean | undefined;
  /** --exclude: patterns of paths inside the directories that are named. */
  readonly excludes?: readonly string[] | undefined;
  /** A directory that is named counts with its own mode and owner, which a mount shows and a COPY does not take. */
  readonly withItself?: boolean | undefined;
}

/** Digest of what is selected from `source`: the content part of a COPY's step key. */
export interface SelectRequest extends CopySelection {
  readonly op: "select";
  readonly source: CopySource;
}

/** Looks whether every ELF file of what is selected is of one architecture. */
export interface CheckMachinesRequest extends CopySelection {
  readonly op: "machines";
  readonly source: CopySource;
  /** As images name it. */
  readonly architecture: string;
}

/** What a COPY makes of what it takes. */
export interface CopyForm {
  /** ADD: archives among the files that are named become what they hold. */
  readonly unpack?: boolean | undefined;
  /** Copied last. */
  readonly inline?: readonly InlineFile[] | undefined;
  /** Absolute, clean, without trailing slash. */
  readonly destination: string;
  /** The destination was written with a trailing slash (or as `.`), or there are several sources. */
  readonly intoDirectory: boolean;
  /** `USER[:GROUP]` of --chown, names or numbers. Absent: as in the source (of a context 0:0); made parents are 0:0. */
  readonly owner?: string | undefined;
  /** --chmod: bits, or a symbolic change of them. */
  readonly mode?: number | string | undefined;
  /** --link: the destination is laid out as if nothing were below, so that the layer fits on any base. */
  readonly link?: boolean | undefined;
}

export interface CopyRequest extends CopySelection, CopyForm {
  readonly op: "copy";
  readonly source: CopySource;
  /** Copied after `paths`, in order. */
  readonly more?: readonly MoreCopied[] | undefined;
  /** Time of inline files, nanoseconds since the epoch, decimal. */
  readonly mtime: string;
  /** The content digest the key was made of; other content is an error, `CONTEXT_CHANGED`. */
  readonly expect: Digest;
  readonly base: BaseTree;
  readonly id: SnapshotId;
  readonly result: ResultForm;
}

/** What a COPY takes from another source than its first. */
export interface MoreCopied {
  readonly source: CopySource;
  readonly paths: readonly string[];
  readonly unpack: boolean;
  /** As of {@link CopyRequest.expect}, of these. */
  readonly expect: Digest;
}

/** WORKDIR: makes `path` and its missing parents, 0755, owned by `owner`. */
export interface MakeDirectoryRequest {
  readonly op: "mkdir";
  readonly path: string;
  readonly owner?: string | undefined;
  readonly base: BaseTree;
  /** Time of the made directories, nanoseconds since the epoch, decimal. */
  readonly mtime: string;
  readonly id: SnapshotId;
  readonly result: ResultForm;
}

/** What a file operation leaves: an extracted snapshot to work on, or the packed layer alone. */
export type ResultForm = { readonly kind: "snapshot" } | { readonly kind: "layer"; readonly packing: Packing };

/** How a layer is written. Equal packing of equal content gives equal bytes. */
export interface Packing {
  readonly compression: "gzip" | "zstd" | "none";
  /** Compressor's level; absent is the default (gzip 6 semantics are in layer/). */
  readonly level?: number | undefined;
  /** Media type family of the result. */
  readonly format: "oci" | "docker";
  /** Times after this one (seconds since the epoch) become this one: SOURCE_DATE_EPOCH. */
  readonly epoch?: number | undefined;
}

/** A command and what it is given. */
export interface RunCommand {
  readonly argv: readonly string[];
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** As in USER; empty is root. */
  readonly user: string;
  readonly network: "host" | "none";
  readonly platform: Platform;
  /** For /etc/hosts. */
  readonly hosts?: readonly HostEntry[] | undefined;
  readonly ulimits?: readonly Ulimit[] | undefined;
  /** Bytes of /dev/shm. Default: 64 MiB. */
  readonly shmSize?: number | undefined;
  /** With all capabilities that the worker has, and without filters. */
  readonly insecure?: true | undefined;
  /** Of the machine that it believes to be on. Default: the same for all RUNs (sandbox/spec.ts). */
  readonly hostname?: string | undefined;
  /** An executable file in SCRIPT_DIRECTORY (sandbox/mounts.ts), of a heredoc with `#!`. */
  readonly script?: InlineFile | undefined;
}

/** `env` is without the variables of `hostCa`, which the sandbox adds. */
export interface RunRequest extends RunCommand {
  readonly op: "run";
  readonly parents: Chain;
  readonly id: SnapshotId;
  /** Path on the machine of a CA bundle to be trusted by the run only, see sandbox/host-ca.ts. */
  readonly hostCa?: string | undefined;
  readonly mounts?: readonly RunMount[] | undefined;
  /** What its binaries run with, where the machine does not run them by itself. */
  readonly emulator?: Emulator | undefined;
  /** Directory of the machine that keeps Go's build cache over builds, see sandbox/go-cache.ts. */
  readonly goCache?: string | undefined;
}

/** What --mount puts over the root of a RUN; targets are absolute and clean. Nothing of it gets into a layer. */
export type RunMount = BindMount | CacheMount | TmpfsMount | SecretMount | SshMount;

/** Files of a chain; what is written there is thrown away. */
export interface BindMount {
  readonly kind: "bind";
  readonly chain: Chain;
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

/** Whose a file is, and who may do what with it. */
export interface Access {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A directory that stays from run to run. */
export interface CacheMount extends Access {
  readonly kind: "cache";
  /** Names the directory in the store: letters and digits. */
  readonly name: string;
  readonly sharing: "shared" | "private" | "locked";
  readonly target: string;
  readonly readonly: boolean;
  /** What a new one holds. */
  readonly from?: { readonly chain: Chain; readonly source: string } | undefined;
}

export interface TmpfsMount {
  readonly kind: "tmpfs";
  readonly target: string;
  /** Bytes. */
  readonly size?: number | undefined;
}

/** A file, a variable, or both. */
export interface SecretMount extends Access {
  readonly kind: "secret";
  readonly target?: string | undefined;
  readonly env?: string | undefined;
  /** Base64. */
  readonly data: string;
}

/** A socket that answers as the agent at `agent` of the machine does. */
export interface SshMount extends Access {
  readonly kind: "ssh";
  readonly agent: string;
  readonly target: string;
}

/** Packs the changes a snapshot makes to its parents into a layer blob. */
export interface PackRequest {
  readonly op: "pack";
  readonly id: SnapshotId;
  readonly parents: Chain;
  readonly packing: Packing;
}

/** Writes a layer of the store once more, in another form. */
export interface RepackRequest {
  readonly op: "repack";
  readonly layer: LayerBlob;
  readonly packing: Packing;
  /** Its tar stays byte for byte; else times are clamped as `packing` says, which can only be further. */
  readonly exact: boolean;
}

/** Writes whole trees of chains to the machine (`-o type=local`, `type=tar`). */
export interface ExportRequest {
  readonly op: "export";
  readonly trees: readonly ExportedTree[];
  /** A directory, which keeps what it has, or the path of a tar file to be made. */
  readonly form: "directory" | "tar";
  readonly path: string;
  /** Seconds since the epoch: the time of everything. */
  readonly epoch?: number | undefined;
}

export interface ExportedTree {
  readonly chain: Chain;
  /** The directory that it goes into; empty: the top, which no two trees may give the same file. */
  readonly prefix: string;
  /** For messages. */
  readonly platform: string;
}

export interface WorkerResults {
  extract: null;
  index: null;
  select: { readonly content: Digest };
  /** How many ELF files there are, and the first few that are of another architecture. */
  machines: {
    readonly checked: number;
    readonly wrong: readonly { readonly path: string; readonly architecture: string }[];
  };
  copy: { readonly layer?: LayerBlob | undefined };
  mkdir: { readonly layer?: LayerBlob | undefined };
  run: null;
  pack: { readonly layer: LayerBlob };
  repack: { readonly layer: LayerBlob };
  export: null;
}

/** Control to worker. `cancel` ends the request `id`, which then answers with `CANCELLED`. */
export type ControlMessage = { readonly id: number; readonly request: WorkerRequest } | { readonly cancel: number };

/** Worker to control. */
export type WorkerMessage =
  /** First message, once the worker stands in its namespaces. */
  | { readonly ready: { readonly rung: string; readonly runtime: string | null; readonly form: SnapshotForm } }
  /** Something that a user should know and that fails nothing. */
  | { readonly note: { readonly code: string; readonly message: string } }
  /** Output of a RUN, in order of arrival; bytes as base64. */
  | { readonly id: number; readonly output: { readonly stream: "stdout" | "stderr"; readonly data: string } }
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: WireError };

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly retryable?: boolean | undefined;
  /** Of `RUN_FAILED`. */
  readonly exitCode?: number | undefined;
}
