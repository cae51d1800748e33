import type { ProcessContext } from "../../base/context.ts";
import { AppError } from "../../base/errors.ts";
import { didYouMean } from "../../frontend/dockerfile/suggest.ts";
import { ARCHITECTURES, isKnownArchitecture, isKnownOs } from "../../oci/platform-names.ts";
import type { RequestNote } from "../../build/request.ts";
import { formatPlatform, hostPlatform, parsePlatform, platformsEqual, type Platform } from "../../oci/platform.ts";
import type { ParsedBuildArgs } from "./build-args.ts";
import { usage } from "./usage.ts";

/** Target platforms, each once: of --platform, else of `DOCKER_DEFAULT_PLATFORM`; empty where neither names one. */
export function parsePlatforms(texts: readonly string[] | undefined, { env }: ProcessContext): readonly Platform[] {
  if (texts !== undefined) return parseList(texts.join(","), "--platform");
  const preset = env["DOCKER_DEFAULT_PLATFORM"] ?? "";
  return preset === "" ? [] : parseList(preset, "DOCKER_DEFAULT_PLATFORM");
}

/** What is built where `platforms` are asked for. */
export function targetsOf(platforms: readonly Platform[]): readonly Platform[] {
  return platforms.length > 0 ? platforms : [hostPlatform()];
}

/** One that a flag names. A base image may be for anything; what is asked for by hand and known to nobody is a slip of the keyboard. */
export function parseKnownPlatform(text: string, flag: string): Platform {
  const platform = parsePlatform(text);
  const { os, architecture } = platform;
  if (!isKnownOs(os))
    throw new AppError("PLATFORM_INVALID", `${flag}: ${os} is no operating system that is known`, {
      hint: "write linux/amd64, linux/arm64 or the like",
    });
  if (!isKnownArchitecture(architecture))
    throw new AppError("PLATFORM_INVALID", `${flag}: ${architecture} is no architecture that is known`, {
      hint: `${didYouMean(architecture, ARCHITECTURES)}Known are amd64, arm64, arm/v7, arm/v6, 386, riscv64, s390x, ppc64le and the rest of Go's list`,
    });
  return platform;
}

/** A value for a platform that is not built counts nowhere. */
export function unusedPlatformArgs(
  { platformArgs }: ParsedBuildArgs,
  platforms: readonly Platform[],
): readonly RequestNote[] {
  const targets = targetsOf(platforms);
  return platformArgs.flatMap(({ platform, name }) =>
    targets.some((target) => platformsEqual(target, platform))
      ? []
      : {
          code: "BUILD_ARG_UNUSED",
          message: `--build-arg[${formatPlatform(platform)}] ${name}: that platform is not built`,
          hint: "leave it out, or change --platform",
        },
  );
}

function parseList(list: string, origin: string): readonly Platform[] {
  const platforms: Platform[] = [];
  for (const text of list.split(",").map((part) => part.trim())) {
    if (list.trim() === "")
      throw usage(`${origin} is empty`, "write os/architecture, such as linux/amd64,linux/arm64, or leave it out");
    if (text === "") throw usage(`${origin} ${list}: found nothing before or after a comma`, "take out that comma");
    const platform = text === "local" ? hostPlatform() : parseKnownPlatform(text, `${origin} ${text}`);
    if (!platforms.some((other) => platformsEqual(other, platform))) platforms.push(platform);
  }
  return platforms;
}
