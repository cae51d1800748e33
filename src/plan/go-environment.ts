import { normalizePlatform } from "../oci/platform.ts";
import type { Platform } from "../oci/platform.ts";

/**
 * The variables that make Go compile for `target`, without those that `set` has: what a Dockerfile says
 * itself counts. Without a C compiler of the target's cgo is off.
 */
export function goEnvironment(target: Platform, set: ReadonlyMap<string, string>): readonly string[] {
  const { os, architecture, variant = "" } = normalizePlatform(target);
  const variables: Record<string, string> = { GOOS: os, GOARCH: architecture };
  const level = levelOf(architecture, variant);
  if (level !== undefined) variables[level[0]] = level[1];
  if (!set.has("CC")) variables["CGO_ENABLED"] = "0";
  return Object.entries(variables)
    .filter(([name]) => !set.has(name))
    .map(([name, value]) => `${name}=${value}`);
}

/** What Go calls the variant of an architecture (`go help environment`); undefined where its own default is meant. */
function levelOf(architecture: string, variant: string): readonly [name: string, value: string] | undefined {
  if (variant === "") return undefined;
  switch (architecture) {
    case "arm":
      // Go knows 5, 6 and 7; what an ARMv8 processor runs of them is 7.
      return ["GOARM", String(Math.min(7, Number(/\d+/.exec(variant)?.[0] ?? 7)))];
    case "amd64":
      return ["GOAMD64", variant];
    case "arm64":
      return ["GOARM64", /^v\d+$/.test(variant) ? `${variant}.0` : variant];
    case "386":
      return ["GO386", variant];
    case "ppc64":
    case "ppc64le":
      return ["GOPPC64", variant];
    case "riscv64":
      return ["GORISCV64", variant];
    case "mips":
    case "mipsle":
      return ["GOMIPS", variant];
    case "mips64":
    case "mips64le":
      return ["GOMIPS64", variant];
    default:
      return undefined;
  }
}
