import { buildCommand, type FlagParametersForType } from "@stricli/core";
import { buildImageCommand, type BuildFlags } from "../build/spec.ts";
import type { CliContext } from "../context.ts";
import { flag, text } from "../flag-kinds.ts";
import { withPlaceholders } from "../help-flags.ts";

/** Flags of `build` that say what a Dockerfile means. */
type SharedFlags = Pick<
  BuildFlags,
  "platform" | "target" | "buildArg" | "buildContext" | "root" | "registryMirror" | "plainHttp" | "debug"
>;

export interface LintFlags extends SharedFlags {
  readonly format: "terminal" | "docker" | "json" | "sarif" | "gitlab" | "github" | "junit";
  readonly output?: string;
  readonly failOn: string;
  readonly offline?: boolean;
  readonly list?: boolean;
}

/** A command does not remember the types of its flags. */
const { flags } = buildImageCommand.parameters as unknown as {
  readonly flags: FlagParametersForType<BuildFlags, CliContext>;
};

export const lintCommand = buildCommand<LintFlags, string[], CliContext>({
  loader: async () => (await import("./run.ts")).lintFiles,
  parameters: {
    positional: {
      kind: "array",
      parameter: {
        parse: String,
        brief: "Dockerfile, a directory with one, or - for standard input (default: .)",
        placeholder: "FILE",
      },
    },
    flags: {
      format: {
        kind: "enum",
        values: ["terminal", "docker", "json", "sarif", "gitlab", "github", "junit"],
        default: "terminal",
        brief: "How findings are printed: for people, as docker build --check, or for machines",
      },
      ...withPlaceholders({
        output: text("Write the findings to a file", "path"),
        failOn: {
          kind: "parsed",
          parse: String,
          default: "warning",
          brief: "Findings that make the exit code 1: error, warning, info, never, or names of rules",
          placeholder: "severity|rules",
        },
      }),
      offline: flag("Ask no registry; what depends on a base image is not checked"),
      list: flag("List the rules instead"),
      platform: flags.platform,
      target: flags.target,
      buildArg: flags.buildArg,
      buildContext: flags.buildContext,
      root: flags.root,
      registryMirror: flags.registryMirror,
      plainHttp: flags.plainHttp,
      debug: flags.debug,
    },
    aliases: { o: "output", D: "debug" },
  },
  docs: {
    brief: "Check Dockerfiles by BuildKit's rules, without building",
    customUsage: [
      { input: "Dockerfile build/*.Dockerfile", brief: "What is wrong, where, and what to do" },
      { input: "--format sarif -o lint.sarif .", brief: "For code scanning" },
      { input: "--fail-on SecretsUsedInArgOrEnv,UndefinedVar .", brief: "Fail on some rules only" },
    ],
  },
});
