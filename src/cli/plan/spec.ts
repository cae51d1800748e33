import { buildCommand, type FlagParametersForType } from "@stricli/core";
import { buildImageCommand, type BuildFlags } from "../build/spec.ts";
import type { CliContext } from "../context.ts";
import { flag } from "../flag-kinds.ts";
import { withHidden } from "../help-flags.ts";

/** Those of `build`, so that its command line can be pasted; `--format` has the formats of a plan besides. */
export interface PlanFlags extends Omit<BuildFlags, "format"> {
  readonly format: "table" | "json" | NonNullable<BuildFlags["format"]>;
  readonly json?: boolean;
}

/** A command does not remember the types of its flags. */
const build = buildImageCommand.parameters as unknown as {
  readonly flags: FlagParametersForType<BuildFlags, CliContext>;
  readonly aliases: {
    readonly t: "tag";
    readonly f: "file";
    readonly o: "output";
    readonly q: "quiet";
    readonly j: "jobs";
  };
};

/** Flags that are taken for the sake of a pasted command line, and change nothing in a plan. */
const BUILDS_ALONE: ReadonlySet<string> = new Set([
  ...[
    "tag",
    "label",
    "annotation",
    "push",
    "skipPushPermissionCheck",
    "load",
    "metadataFile",
    "iidfile",
    "compression",
  ],
  ...["secret", "ssh", "addHost", "shmSize", "ulimit", "memory", "cpus", "pidsLimit", "hostCa", "goCache", "jobs"],
  ...["noCache", "noCacheFilter", "pull", "call", "check", "failOn", "quiet"],
]);

export const planCommand = buildCommand<PlanFlags, [path?: string], CliContext>({
  loader: async () => (await import("./run.ts")).printPlan,
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, brief: "Build context, as of build (default: .)", placeholder: "PATH|URL|-", optional: true },
      ],
    },
    flags: {
      ...withHidden(build.flags, BUILDS_ALONE),
      json: flag("Print the plan as JSON; short for --format=json"),
      format: {
        kind: "enum",
        values: ["table", "json", "oci", "docker"],
        default: "table",
        brief: "How the plan is printed: table or json (oci and docker are taken as build's)",
      },
    },
    aliases: build.aliases,
  },
  docs: {
    brief: "Show what a build would do, without doing it",
    customUsage: [
      { input: "[FLAGS] [PATH|URL|-]", brief: "PATH is . where it is left out" },
      {
        input: "--platform linux/amd64,linux/arm64 .",
        brief: "Which stages run natively, which need an emulator, what is fetched",
      },
      { input: "--json --platform linux/amd64,linux/arm64 .", brief: "The same for scripts" },
    ],
  },
});
