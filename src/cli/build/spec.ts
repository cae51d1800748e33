import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.ts";
import type { RungName } from "../../sandbox/rung.ts";
import { flag, text, texts } from "../flag-kinds.ts";
import { withPlaceholders } from "../help-flags.ts";
import { dockerFlags, type DockerFlags } from "./docker-flags.ts";

/** The flags as typed; their meaning is in request.ts. */
export interface BuildFlags extends DockerFlags {
  readonly platform?: readonly string[];
  readonly tag?: readonly string[];
  readonly file?: string;
  readonly target?: string;
  readonly buildArg?: readonly string[];
  readonly label?: readonly string[];
  readonly buildContext?: readonly string[];
  readonly secret?: readonly string[];
  readonly ssh?: readonly string[];
  readonly push?: boolean;
  readonly skipPushPermissionCheck?: boolean;
  readonly load?: boolean;
  readonly annotation?: readonly string[];
  readonly output?: readonly string[];
  readonly metadataFile?: string;
  readonly iidfile?: string;
  readonly cross: "auto" | "suggest" | "off";
  readonly noCache?: boolean;
  readonly compression: "gzip" | "zstd" | "none";
  readonly format?: "oci" | "docker";
  readonly hostCa: "auto" | "off";
  readonly goCache: "auto" | "off";
  readonly sandbox?: RungName;
  readonly minSandbox?: RungName;
  readonly jobs?: string;
  readonly root?: string;
  readonly registryMirror?: readonly string[];
  readonly plainHttp?: readonly string[];
  readonly progress: "auto" | "plain" | "tty" | "quiet" | "none" | "rawjson";
  readonly quiet?: boolean;
  readonly call?: string;
  readonly check?: boolean;
  readonly failOn?: string;
  readonly debug?: boolean;
}

const RUNG_NAMES = ["runtime", "namespace", "chroot", "proot", "none"] as const satisfies readonly RungName[];

export const buildImageCommand = buildCommand<BuildFlags, [string?], CliContext>({
  loader: async () => (await import("./run.ts")).buildImage,
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          brief:
            "Build context: a directory, the address of a repository or an archive, or - for standard input (default: .)",
          placeholder: "PATH|URL|-",
          optional: true,
        },
      ],
    },
    flags: withPlaceholders({
      platform: texts(
        "Target platforms, comma-separated or repeated: linux/amd64,linux/arm64,linux/arm/v7",
        "os/arch[/variant]",
      ),
      tag: texts("Name of the image, repeatable", "name[:tag]"),
      file: text(
        "Dockerfile, from the current directory (default: PATH/Dockerfile); - is standard input, or an address",
        "path",
      ),
      target: text("Stage to build", "stage"),
      buildArg: texts("Value of an ARG; without =value it comes from the environment. Repeatable", "name[=value]"),
      label: texts("Label of the image, repeatable", "name=value"),
      buildContext: texts(
        "Files or an image under a name, for FROM and --from. Repeatable",
        "name=PATH|URL|docker-image://IMAGE|oci-layout://PATH:TAG|target:STAGE",
      ),
      secret: texts("Secret for RUN --mount=type=secret. Repeatable", "id=ID,src=FILE | id=ID,env=NAME"),
      ssh: texts("SSH agent, or private keys, for RUN --mount=type=ssh. Repeatable", "default | id=SOCKET | id=KEY"),
      push: flag("Push to the registries of the tags; short for -o type=registry"),
      skipPushPermissionCheck: flag("Ask no registry whether it will take the push before anything is built"),
      load: flag("Load into docker, podman or containerd of this machine; short for -o type=docker"),
      output: texts(
        "type=registry | oci | docker | local | tar | cacheonly, with dest=PATH and more options; PATH alone is a directory, - a tar. Repeatable",
        "type=...,dest=...",
      ),
      annotation: texts(
        "Annotation of the manifest, or of index:, manifest-descriptor:, index-descriptor:. Repeatable",
        "[scope:]key=value",
      ),
      metadataFile: text("Write digests and names of the result as JSON", "path"),
      iidfile: text("Write the digest of the image (config digest for one platform, index digest for several)", "path"),
      cross: {
        kind: "enum",
        values: ["auto", "suggest", "off"],
        default: "suggest",
        brief: "Go stages that would be emulated: cross-compile them here, or say what to change in the Dockerfile",
      },
      noCache: flag("Execute every step"),
      ...dockerFlags,
      compression: {
        kind: "enum",
        values: ["gzip", "zstd", "none"],
        default: "gzip",
        brief: "Compression of new layers",
      },
      format: {
        kind: "enum",
        values: ["oci", "docker"],
        optional: true,
        brief: "Media types of the image (default: oci, docker for what docker loads)",
      },
      goCache: {
        kind: "enum",
        values: ["auto", "off"],
        default: "auto",
        brief: "RUNs that compile Go keep their build cache from build to build, outside of the image",
      },
      hostCa: {
        kind: "enum",
        values: ["auto", "off"],
        default: "auto",
        brief: "RUNs trust the certificate authorities that this machine trusts, for the run only",
      },
      sandbox: {
        kind: "enum",
        values: RUNG_NAMES,
        optional: true,
        brief: "What RUNs execute in (default: the highest that can be had: runtime, namespace, chroot, proot, none)",
      },
      minSandbox: {
        kind: "enum",
        values: RUNG_NAMES,
        optional: true,
        brief: "The lowest that may be used instead; where only lower ones can be had the build fails",
      },
      jobs: text("Steps at the same time (default: one for each CPU, at least 2)", "number"),
      root: text("Directory of the store (default: MANYARCH_ROOT, ~/.local/share/manyarch)", "path"),
      registryMirror: texts("Ask HOST before REGISTRY: docker.io=localhost:5000. Repeatable", "registry=host"),
      plainHttp: texts("Speak to this registry without TLS (loopback ones always are). Repeatable", "host"),
      progress: {
        kind: "enum",
        values: ["auto", "plain", "tty", "quiet", "none", "rawjson"],
        default: "auto",
        brief: "How progress is shown on standard error",
      },
      quiet: flag("Print the digest alone"),
      check: flag("Check the Dockerfile; short for --call=check"),
      failOn: text("Findings of --check that make it fail (default: warning), as lint's", "severity|rules"),
      debug: flag("Show causes and stack traces of errors"),
    }),
    aliases: { t: "tag", f: "file", o: "output", q: "quiet", j: "jobs", m: "memory", c: "cpuShares", D: "debug" },
  },
  docs: {
    brief: "Build an image from a Dockerfile, for one or many platforms",
    customUsage: [
      { input: "[FLAGS] [PATH|URL|-]", brief: "PATH is . where it is left out" },
      {
        input: "-t registry.example.com/app:1.0 --platform linux/amd64,linux/arm64 --push .",
        brief: "Build for two platforms and push one index",
      },
      { input: "-o type=oci,dest=app.tar .", brief: "Write an OCI archive" },
      { input: "--target build -o type=local,dest=out .", brief: "Take the files of a stage" },
    ],
  },
});
