import type { Hidden } from "../base/hidden.ts";
import type { SourceRange } from "../base/source.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import type {
  BindMount,
  CacheMount,
  CopyForm,
  CopySelection,
  RunCommand,
  SecretMount,
  SshMount,
  StoredFile,
  TmpfsMount,
} from "../worker/protocol.ts";

/**
 * The build graph: immutable data that the frontend emits and the engine walks.
 *
 * A step's id is the digest of its definition, inputs included, so equal steps of different platforms
 * are one step (engine/graph.ts). What a step says about itself for people ({@link StepLabel}) is kept
 * beside the graph and never enters an id or a key.
 */
export type StepId = string & { readonly __brand: "StepId" };

export type Step = ImageStep | ScratchStep | FilesStep | CopyStep | MakeDirectoryStep | RunStep;

/** Files that are no layer: they are copied from, and nothing stands on them. */
export type FilesStep = ContextStep | FileStep | HttpStep | GitStep;

/** A base image, resolved to one platform's manifest. Its layers stay where they are until needed. */
export interface ImageStep {
  readonly kind: "image";
  readonly reference: Reference;
  /** Its layers are there. Absent: they are in the registry. */
  readonly layout?: ImageLayout | undefined;
  readonly platform: Platform;
  readonly manifest: Descriptor;
  /** Lowest first; `diffIds` has the same length. */
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  /** `created_by` of each history entry that made a layer, with which the engine judges a destination (lazy-base.ts). */
  readonly history: readonly string[];
  /** What else of the config may name a directory of the base: other history, working directory, volumes, environment. */
  readonly mentions: readonly string[];
}

/** Where an image is that no registry has. */
export interface ImageLayout {
  /** An OCI image layout, absolute. */
  readonly directory: string;
  /** Of its manifest or index. */
  readonly descriptor: Descriptor;
}

/** An empty root. */
export interface ScratchStep {
  readonly kind: "scratch";
}

/** A directory of the machine, read through its ignore patterns. */
export interface ContextStep {
  readonly kind: "context";
  readonly directory: string;
  readonly ignore: readonly string[];
}

export type FileStep = StoredFile;

/** One file at an address, asked for when its content matters. */
export interface HttpStep {
  readonly kind: "http";
  /** Without user and password. */
  readonly url: string;
  /** `user:password`; in no id, key or message. */
  readonly credentials?: Hidden<string> | undefined;
  readonly name: string;
  /** What it must be: then it is not asked for again. */
  readonly checksum?: Digest | undefined;
}

/** The files of one commit of a repository. */
export interface GitStep {
  readonly kind: "git";
  /** URL or `user@host:path`, without password. */
  readonly remote: string;
  /** `user:password`, for HTTP; in no id, key or message. */
  readonly credentials?: Hidden<string> | undefined;
  /** Branch, tag, other ref or commit. Absent: the default branch. */
  readonly ref?: string | undefined;
  /** Beginning of the commit that the ref must name. */
  readonly checksum?: string | undefined;
  /** `checksum` is the whole commit, and the ref is not asked for. */
  readonly byCommit: boolean;
  /** Relative and clean; empty is the root. */
  readonly directory: string;
  readonly submodules: boolean;
  readonly keepGitDir: boolean;
}

export interface CopyStep extends CopySelection, CopyForm {
  readonly kind: "copy";
  readonly base: StepId;
  readonly from: StepId;
  /** Copied after `paths`, in order, from elsewhere. */
  readonly more?: readonly MoreSources[] | undefined;
  /** Of files that leave a stage which cross-compiles by itself: what their ELF files must be for. */
  readonly expectMachine?: { readonly platform: Platform; readonly origin: string } | undefined;
}

export interface MoreSources {
  readonly from: StepId;
  readonly paths: readonly string[];
  readonly unpack: boolean;
}

export interface MakeDirectoryStep {
  readonly kind: "mkdir";
  readonly base: StepId;
  readonly path: string;
  readonly owner?: string | undefined;
}

/** The key is made of `env` and of what else the command is given, but for addresses in `hosts`. */
export interface RunStep extends RunCommand {
  readonly kind: "run";
  readonly base: StepId;
  /** Proxy variables and others that reach the process and never the key. */
  readonly hiddenEnv: readonly string[];
  readonly mounts?: readonly StepMount[] | undefined;
  /** It compiles for another platform by --cross (cross.ts); in no key. */
  readonly cross?: RunCrossing | undefined;
}

export interface RunCrossing {
  /** The stage and its target. */
  readonly origin: string;
  /** The command names `go build`: what fails in it fails under emulation too, as far as its words do not say otherwise. */
  readonly namesBuild: boolean;
}

/** A --mount of a RUN; targets and sources are absolute and clean. */
export type StepMount =
  | (Omit<BindMount, "chain"> & { readonly from: StepId })
  | (Omit<CacheMount, "name" | "from"> & {
      /** With its namespace in front. */
      readonly id: string;
      /** The id was chosen: then it is part of the key. */
      readonly named: boolean;
      readonly from?: StepId | undefined;
      readonly source: string;
    })
  | TmpfsMount
  | (Omit<SecretMount, "data"> & { readonly id: string; readonly required: boolean })
  | (Omit<SshMount, "agent"> & { readonly id: string; readonly required: boolean });

/** How a step is shown. One step can have several: one for each platform that shares it. */
export interface StepLabel {
  /** `build 3/6`, or `context` and the like for sources. */
  readonly stage: string;
  /** `RUN go build ./...`: the instruction as written. */
  readonly text: string;
  /** The target platform it is built for. */
  readonly target: Platform;
  readonly source?: SourceRange | undefined;
}

export interface Graph {
  /** In an order in which inputs come before their users. */
  readonly steps: ReadonlyMap<StepId, Step>;
  readonly labels: ReadonlyMap<StepId, readonly StepLabel[]>;
}

/** A stage that a target needs, and what became of its instructions. */
export interface TargetStage {
  /** In the file, from 0. */
  readonly index: number;
  /** As FROM names it, else `stage-INDEX`. */
  readonly name: string;
  /** Its FROM. */
  readonly source: SourceRange;
  /** What it is made for and runs on. */
  readonly platform: Platform;
  /** It runs on the machine's platform and compiles for the target's, by --cross. */
  readonly crossed: boolean;
  /** In the order of the instructions; the base image's is the first, where it has one. */
  readonly steps: readonly StepId[];
}

/** What the frontend makes of a Dockerfile for one target platform. */
export interface Target {
  readonly platform: Platform;
  /** In the order of the file. */
  readonly stages: readonly TargetStage[];
  /** The step whose chain is the image's file system. */
  readonly root: StepId;
  /** The config as the instructions leave it: without rootfs, history and created, which need results. */
  readonly config: import("../oci/config.ts").ImageConfig;
  /** The base's history, then one item for each instruction; an item that makes a layer names its step. */
  readonly history: readonly HistoryItem[];
}

export type HistoryItem =
  | { readonly kind: "base"; readonly entry: import("../oci/config.ts").HistoryEntry }
  | { readonly kind: "layer"; readonly createdBy: string; readonly step: StepId }
  | { readonly kind: "empty"; readonly createdBy: string };

export interface BuildPlan {
  readonly graph: Graph;
  /** In the order the platforms were asked for. */
  readonly targets: readonly Target[];
}
