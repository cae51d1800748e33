import { buildApplication, buildRouteMap } from "@stricli/core";
import { buildImageCommand } from "./build/spec.ts";
import type { CliContext } from "./context.ts";
import { VERSION } from "./version.ts";

const root = buildRouteMap<string, CliContext>({
  routes: { build: buildImageCommand },
  docs: {
    brief: "One Dockerfile, one command, one image for many platforms",
    fullDescription:
      "Builds a Dockerfile for several platforms in one run, unprivileged and without a daemon,\nand pushes one multi-platform image.",
  },
});

export const app = buildApplication(root, {
  name: "manyarch",
  versionInfo: { currentVersion: VERSION },
  scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
  documentation: {
    caseStyle: "convert-camel-to-kebab",
    onlyRequiredInUsageLine: true,
    disableAnsiColor: !process.stderr.isTTY,
  },
});
