import { AppError } from "../base/errors.ts";
import { compareBytewise } from "../base/bytes.ts";
import { ARCHITECTURES, isKnownArchitecture, isKnownOs, OPERATING_SYSTEMS } from "./platform-names.ts";

/**
 * `os/architecture[/variant]` in Go's words. What users write is normalised when parsed; what a document
 * says is kept as it stands and normalised for comparing (matching and {@link platformsEqual} do so).
 * Rules: containerd/platforms v1.0.0-rc.5.
 */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly osFeatures?: readonly string[] | undefined;
}

/**
 * Reads `os[(version+feature)]/arch[/variant]`, an operating system alone or an architecture alone;
 * what is left out comes from `host`. The result is normalised: `linux/aarch64` is `linux/arm64`,
 * `linux/arm` is `linux/arm/v7`. Throws `PLATFORM_INVALID`.
 */
export function parsePlatform(text: string, host: Platform = hostPlatform()): Platform {
  const parts = text.split("/", 4);
  if (parts.length > 3) throw invalid(text, "expected at most os/architecture/variant");
  const [first = "", architecture, variant] = parts;
  const os = parseOs(text, first);
  for (const part of parts.slice(1)) {
    if (!/^[A-Za-z0-9_.-]+$/.test(part))
      throw invalid(text, `${JSON.stringify(part)} is not a name of letters, digits, _, . and -`);
  }
  if (architecture !== undefined) return normalizePlatform({ ...os, architecture, variant });
  if (isKnownOs(os.os)) return normalizePlatform({ ...os, architecture: host.architecture, variant: host.variant });
  const alone = normalizePlatform({ os: host.os, architecture: first });
  if (isKnownArchitecture(alone.architecture)) return alone;
  throw invalid(text, "it is no operating system and no architecture that is known");
}

/** `linux/arm/v7`; a version and features of the operating system are left out, as in flags of other tools. */
export function formatPlatform(platform: Platform): string {
  if (platform.os === "") return "unknown";
  return [platform.os, platform.architecture, platform.variant].filter((part) => part).join("/");
}

/** `windows(10.0.17763+win32k)/amd64`: all of it, in the spelling {@link parsePlatform} reads. */
export function formatPlatformFull(platform: Platform): string {
  const features = [...new Set(platform.osFeatures)].filter((feature) => feature !== "").sort(compareBytewise);
  const options = [platform.osVersion ?? "", ...features].map(escapeOption).join("+");
  return formatPlatform(options === "" ? platform : { ...platform, os: `${platform.os}(${options})` });
}

/** One spelling for each platform: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`. */
export function normalizePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase() || "linux";
  const [architecture, variant] = normalizeArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? "").toLowerCase(),
  );
  const features = [...new Set(platform.osFeatures)].sort(compareBytewise);
  return {
    os: os === "macos" ? "darwin" : os,
    architecture,
    ...(variant !== "" && { variant }),
    ...(platform.osVersion && { osVersion: platform.osVersion }),
    ...(features.length > 0 && { osFeatures: features }),
  };
}

/** Equal once normalised, version and features of the operating system included. */
export function platformsEqual(a: Platform, b: Platform): boolean {
  return formatPlatformFull(normalizePlatform(a)) === formatPlatformFull(normalizePlatform(b));
}

/** The platform of a process, from Node's names (`process.arch`, `process.platform`). */
export function hostPlatform(arch: string = process.arch, os: string = process.platform): Platform {
  const architecture = NODE_ARCHITECTURES[arch] ?? arch;
  return normalizePlatform({ os: os === "win32" ? "windows" : os, architecture });
}

/** Node's `ppc64` is little-endian everywhere but on AIX, where we do not run. */
const NODE_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  mipsel: "mipsle",
  ppc64: "ppc64le",
};

function parseOs(text: string, part: string): Omit<Platform, "architecture"> {
  const match = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/.exec(part);
  if (match === null) {
    if (part.includes("*")) throw invalid(text, "wildcards are not supported");
    throw invalid(text, `${JSON.stringify(part)} is no name of an operating system`);
  }
  const [, name = "", version = "", features = ""] = match;
  const os = normalizePlatform({ os: name, architecture: "" }).os;
  return {
    os,
    osVersion: unescapeOption(text, version),
    osFeatures: features
      .split("+")
      .slice(1)
      .map((feature) => unescapeOption(text, feature)),
  };
}

function normalizeArchitecture(architecture: string, variant: string): [architecture: string, variant: string] {
  switch (architecture) {
    case "i386":
      return ["386", ""];
    case "x86_64":
    case "x86-64":
    case "amd64":
      return ["amd64", variant === "v1" ? "" : variant];
    case "aarch64":
    case "arm64":
      if (["8", "v8", "v8.0"].includes(variant)) return ["arm64", ""];
      return ["arm64", ["9", "9.0", "v9.0"].includes(variant) ? "v9" : variant];
    case "armhf":
      return ["arm", "v7"];
    case "armel":
      return ["arm", "v6"];
    case "arm":
      if (variant === "") return ["arm", "v7"];
      return ["arm", /^[5-8]$/.test(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

function escapeOption(value: string): string {
  return value.replace(/[%+()/]/g, (character) =>
    encodeURIComponent(character).replace("(", "%28").replace(")", "%29"),
  );
}

function unescapeOption(text: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw invalid(text, `${JSON.stringify(value)} has a % that is not followed by two hexadecimal digits`);
  }
}

function invalid(text: string, reason: string): AppError {
  const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
  return new AppError("PLATFORM_INVALID", `platform ${shown} is not valid: ${reason}`, {
    hint:
      "Write os/architecture[/variant], such as linux/amd64, linux/arm64 or linux/arm/v7. " +
      `Known systems: ${OPERATING_SYSTEMS.join(", ")}. Known architectures: ${ARCHITECTURES.join(", ")}.`,
  });
}
