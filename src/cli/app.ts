import { buildApplication, buildRouteMap, text_en } from "@stricli/core";
import { buildImageCommand } from "./build/spec.ts";
import type { CliContext } from "./context.ts";
import { commandError, flagError } from "./flag-errors.ts";
import { lintCommand } from "./lint/spec.ts";
import { planCommand } from "./plan/spec.ts";
import { VERSION } from "./version.ts";

const root = buildRouteMap<string, CliContext>({
  routes: { build: buildImageCommand, plan: planCommand, lint: lintCommand },
  docs: {
    brief: "One Dockerfile, one command, one image for many platforms",
    fullDescription:
      "Builds a Dockerfile for several platforms in one run, unprivileged and without a daemon,\nand pushes one multi-platform image.",
  },
});

export const app = buildApplication(root, {
  name: "manyarch",
  versionInfo: { currentVersion: VERSION },
  localization: {
    text: {
      ...text_en,
      exceptionWhileParsingArguments: (cause) => flagError(cause, process.argv[2]),
      noCommandRegisteredForInput: ({ input, corrections }) => commandError(input, corrections),
    },
  },
  scanner: {
    caseStyle: "allow-kebab-for-camel",
    allowArgumentEscapeSequence: true,
    // What is further away was not meant.
    distanceOptions: { threshold: 6, weights: { insertion: 1, deletion: 3, substitution: 2, transposition: 0 } },
  },
  documentation: {
    caseStyle: "convert-camel-to-kebab",
    onlyRequiredInUsageLine: true,
    disableAnsiColor: !process.stderr.isTTY,
  },
});
