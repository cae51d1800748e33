import { buildCommand, type FlagParametersForType } from "@stricli/core";
import { buildImageCommand, type BuildFlags } from "../build/spec.ts";
import type { CliContext } from "../context.ts";

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

export const planCommand = buildCommand<PlanFlags, [path?: string], CliContext>({
  loader: async () => (await import("./run.ts")).printPlan,
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, brief: "Directory of the build context", placeholder: "PATH", optional: true }],
    },
    flags: {
      ...build.flags,
      json: {
        kind: "boolean",
        brief: "Print the plan as JSON; short for --format=json",
        optional: true,
        withNegated: false,
      },
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
      {
        input: "--platform linux/amd64,linux/arm64 .",
        brief: "Which stages run natively, which need an emulator, what is fetched",
      },
      { input: "--json --platform linux/amd64,linux/arm64 .", brief: "The same for scripts" },
    ],
  },
});
