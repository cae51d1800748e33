import type { ProcessContext } from "../../base/context.ts";
import type { PlatformArgs } from "../../build/request.ts";
import { parseKnownPlatform } from "./platforms.ts";
import { usage } from "./usage.ts";

export interface ParsedBuildArgs {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly platformArgs: readonly PlatformArgs[];
}

/**
 * `NAME=value`, or `NAME` alone to take the value from the environment, as docker does. In front may
 * stand the platform that it is for: `[linux/arm64]NAME=value` (split-flags.ts makes that of
 * `--build-arg[linux/arm64]`).
 */
export function parseBuildArgs(texts: readonly string[], { env }: ProcessContext): ParsedBuildArgs {
  const buildArgs: Record<string, string> = {};
  const platformArgs: PlatformArgs[] = [];
  // docker buildx forwards this one: https://reproducible-builds.org/specs/source-date-epoch/
  if (env["SOURCE_DATE_EPOCH"]) buildArgs["SOURCE_DATE_EPOCH"] = env["SOURCE_DATE_EPOCH"];
  for (const text of texts) {
    const [, platform, assignment = ""] = /^(?:\[([^\]]*)\])?([^]*)$/.exec(text) ?? [];
    const at = assignment.indexOf("=");
    if (at === 0 || assignment === "")
      throw usage(`--build-arg ${text}: expected name=value`, "write --build-arg VERSION=1.2.3");
    const name = at < 0 ? assignment : assignment.slice(0, at);
    const value = at < 0 ? env[name] : assignment.slice(at + 1);
    if (value === undefined) continue;
    if (platform === undefined) buildArgs[name] = value;
    else platformArgs.push({ platform: parseKnownPlatform(platform, `--build-arg[${platform}]`), name, value });
  }
  return { buildArgs, platformArgs };
}
