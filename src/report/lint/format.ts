import type { RenderOptions } from "../error.ts";
import type { Checked } from "./types.ts";

export const LINT_FORMATS = ["terminal", "docker", "json", "sarif", "gitlab", "github", "junit"] as const;
export type LintFormat = (typeof LINT_FORMATS)[number];

/** The results of checks in a format. `version` is that of the tool. */
export async function formatChecks(
  format: LintFormat,
  files: readonly Checked[],
  options: RenderOptions & { readonly version: string },
): Promise<string> {
  switch (format) {
    case "terminal":
      return (await import("./terminal.ts")).terminalText(files, options);
    case "docker":
      return (await import("./docker.ts")).dockerText(files);
    case "json":
      return (await import("./json.ts")).checkJson(files);
    case "sarif":
      return (await import("./sarif.ts")).sarif(files, options.version);
    case "gitlab":
      return (await import("./gitlab.ts")).gitlabCodeQuality(files);
    case "github":
      return (await import("./github.ts")).githubAnnotations(files);
    case "junit":
      return (await import("./junit.ts")).junitXml(files);
  }
}
