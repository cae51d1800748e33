import { normalizePlatform } from "./platform.ts";
import type { Platform } from "./platform.ts";
import { windowsVersionsMatch } from "./windows-version.ts";

/** Which of an index's platforms serve a wanted one, and which of those serve it best. */
export interface PlatformMatcher {
  matches(candidate: Platform): boolean;
  /** Below zero where `a` is to be preferred; what does not match comes last. For a stable sort. */
  compare(a: Platform, b: Platform): number;
}

/**
 * Matches what can run on `wanted`: itself first, then what its processor runs as well (amd64/v3 runs
 * v2, v1 and 386; arm64 runs arm/v8 down to v5). As `Only` of containerd/platforms v1.0.0-rc.5, but
 * that an arm64 variant unknown there matches itself.
 */
export function matchPlatform(wanted: Platform): PlatformMatcher {
  return ordered(platformVector(normalizePlatform(wanted)));
}

/** What runs on a platform, best first, itself included. `platform` is normalised. */
function platformVector(platform: Platform): Platform[] {
  const variants = (architecture: string, names: readonly string[]): Platform[] =>
    names.map((variant) => ({ ...platform, architecture, variant }));
  switch (platform.architecture) {
    case "amd64":
      return [platform, ...variants("amd64", below(platform.variant, 1)), ...variants("386", [""])];
    case "arm":
      return [platform, ...variants("arm", below(platform.variant, 5))];
    case "arm64": {
      const runs = arm64Variants(platform.variant ?? "v8");
      return runs.length === 0
        ? [platform]
        : [...variants("arm64", runs), ...variants("arm", ["v8", "v7", "v6", "v5"])];
    }
    default:
      return [platform];
  }
}

/** `v7` down to `lowest`, itself excluded: `v6`, `v5`. */
function below(variant: string | undefined, lowest: number): string[] {
  const version = /^v?(\d{1,2})$/.exec(variant ?? "")?.[1];
  const names: string[] = [];
  for (let n = Number(version ?? 0) - 1; n >= lowest; n--) names.push(`v${n}`);
  return names;
}

/** ARMv9.x has all of v8.(x+5), and of the v8 line up to its last, v8.9. */
function arm64Variants(variant: string): string[] {
  const match = /^v([89])(?:\.(\d))?$/.exec(variant);
  if (match === null) return [];
  const minor = Number(match[2] ?? 0);
  if (match[1] === "8") return downFrom(8, minor);
  if (minor > 7) return [];
  return [...downFrom(9, minor), ...downFrom(8, Math.min(9, minor + 5))];
}

function downFrom(major: number, minor: number): string[] {
  const names: string[] = [];
  for (let n = minor; n >= 0; n--) names.push(n === 0 ? `v${major}` : `v${major}.${n}`);
  return names;
}

function ordered(vector: readonly Platform[]): PlatformMatcher {
  const members = vector.map(normalizePlatform);
  return {
    matches: (candidate) => members.some((member) => matchesMember(member, candidate)),
    compare: (a, b) => compareRanks(members, a, b),
  };
}

function compareRanks(members: readonly Platform[], a: Platform, b: Platform): number {
  const first = rank(members, a);
  const second = rank(members, b);
  if (first !== second) return first - second;
  if (first < members.length) return (b.osFeatures?.length ?? 0) - (a.osFeatures?.length ?? 0);
  if (!a.osFeatures?.length && !b.osFeatures?.length) return 0;
  return compareRanks(members, { ...a, osFeatures: undefined }, { ...b, osFeatures: undefined });
}

function rank(members: readonly Platform[], candidate: Platform): number {
  const index = members.findIndex((member) => matchesMember(member, candidate));
  return index < 0 ? members.length : index;
}

function matchesMember(member: Platform, candidate: Platform): boolean {
  const platform = normalizePlatform(candidate);
  if (member.os !== platform.os) return false;
  if (member.architecture !== platform.architecture || member.variant !== platform.variant) return false;
  if (member.os === "windows" && !windowsVersionsMatch(member.osVersion, platform.osVersion)) return false;
  const features = platform.osFeatures ?? [];
  return features.every((feature) => isGiven(member, feature));
}

/** Every Windows that runs containers may have win32k, and old indexes do not ask for it. */
function isGiven(member: Platform, feature: string): boolean {
  if (member.os === "windows" && feature === "win32k") return true;
  return member.osFeatures?.includes(feature) ?? false;
}
