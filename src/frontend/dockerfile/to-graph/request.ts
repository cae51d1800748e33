import type { AppError } from "../../../base/errors.ts";
import type { SourceFile } from "../../../base/source.ts";
import type { BuildPlan, FileStep, GitStep, HttpStep, ImageLayout, StepId } from "../../../engine/types.ts";
import type { ImageConfig } from "../../../oci/config.ts";
import type { Descriptor } from "../../../oci/descriptor.ts";
import type { Digest } from "../../../oci/digest.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { Reference } from "../../../oci/reference.ts";
import type { HostEntry, Ulimit } from "../../../worker/protocol.ts";
import type { CrossRequest } from "./cross.ts";
import type { Note } from "../note.ts";

/** What is to be planned. */
export interface PlanRequest {
  readonly dockerfile: SourceFile;
  /** Name of the stage to build. Default: the last one. */
  readonly target?: string | undefined;
  /** Plan every stage, whether the target needs it or not: for checks. Default false. */
  readonly allStages?: boolean | undefined;
  /** In the order of the result; at least one. */
  readonly platforms: readonly Platform[];
  /** Nobody asked for a platform: the image is for the one that its base is for. Default false. */
  readonly impliedPlatform?: boolean | undefined;
  /** Where RUNs of stages with `--platform=$BUILDPLATFORM` run. */
  readonly buildPlatform: Platform;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Those that count for one target platform only, over `buildArgs`. */
  readonly platformArgs?:
    | readonly { readonly platform: Platform; readonly name: string; readonly value: string }[]
    | undefined;
  /** What holds for every RUN. */
  readonly runs?: RunDefaults | undefined;
  /** Stages whose steps are all executed, by name or number. */
  readonly noCacheStages?: readonly string[] | undefined;
  /** Put on the image beside those of LABEL, and over them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly contextDirectory: string;
  /** Where the context is no directory: its files. */
  readonly contextFiles?: RemoteFiles | undefined;
  /** As ignore/parse.ts reads them. */
  readonly ignore: readonly string[];
  /** What names stand for before stages and images are asked; by names in lower case. */
  readonly contexts?: ReadonlyMap<string, NamedContext> | undefined;
  /** Seconds since the epoch. Default: the build arg or global ARG SOURCE_DATE_EPOCH. */
  readonly sourceDateEpoch?: number | undefined;
  /** What to do with stages that compile Go and would be emulated. Default: nothing. */
  readonly cross?: CrossRequest | undefined;
  readonly signal: AbortSignal;
}

export interface RunDefaults {
  readonly network: "default" | "host" | "none";
  readonly hosts: readonly HostEntry[];
  readonly ulimits: readonly Ulimit[];
  /** Bytes. */
  readonly shmSize: number | undefined;
  /** `--security=insecure` may be. */
  readonly allowInsecure: boolean;
}

export type NamedContext =
  | { readonly kind: "directory"; readonly directory: string; readonly ignore: readonly string[] }
  | { readonly kind: "image"; readonly name: string; readonly layout?: ImageLayout | undefined }
  | { readonly kind: "files"; readonly files: RemoteFiles }
  /** A stage of this file, which begins before whatever names it. */
  | { readonly kind: "stage"; readonly name: string };

/** Files that are no directory of this machine. */
export type RemoteFiles =
  | { readonly kind: "empty" }
  | { readonly kind: "files"; readonly step: FileStep | HttpStep | GitStep }
  /** What a file holds that is an archive. */
  | { readonly kind: "archive"; readonly file: FileStep };

export interface PlanDependencies {
  /** Finds a base image. Called once for each image and platform that the targets need, at the same time. */
  resolveImage(
    reference: Reference,
    platform: Platform,
    signal: AbortSignal,
    layout?: ImageLayout,
  ): Promise<ResolvedImage>;
  /** Seconds since 1970 of a commit or a document; undefined where the source has no time. Default: none has. */
  sourceTime?(source: TimeSource, signal: AbortSignal): Promise<number | undefined>;
}

/** What the time of a build can be taken from. */
export type TimeSource =
  | { readonly kind: "context" }
  /** A named context, in lower case. */
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "remote"; readonly address: string; readonly checksum?: string | undefined };

/** A base image for one platform. */
export interface ResolvedImage {
  /** Of the manifest. */
  readonly descriptor: Descriptor;
  /** Lowest first; `diffIds` has the same length. */
  readonly layers: readonly Descriptor[];
  readonly diffIds: readonly Digest[];
  readonly config: ImageConfig;
  /** What the config says it is for. */
  readonly platform: Platform;
  /** It was not looked up: what it sets is not known. For checks only. Default false. */
  readonly isUnknown?: boolean | undefined;
  /** Why it is the build platform's and not the one that was asked for: a stage that crosses needs no other. */
  readonly missing?: AppError | undefined;
}

export interface DockerfilePlan extends BuildPlan {
  /** Without repetitions, in the order of the file. */
  readonly notes: readonly Note[];
  /** Seconds since the epoch, where the request, a build arg or a global ARG says so. */
  readonly sourceDateEpoch: number | undefined;
  /** Steps that are executed whatever is known of them. */
  readonly forced: ReadonlySet<StepId>;
  /** What the user could change to have it faster. */
  readonly advice: readonly Advice[];
  /** Names of build args that nothing declares. */
  readonly unusedArgs: readonly string[];
}

/** Something that is right as it is and could be better. */
export interface Advice extends Note {
  readonly hint: string;
}
