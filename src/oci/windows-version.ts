/** Builds whose container interface is stable, so that later hosts run their images: Server 2022 and 2025. */
const STABLE_BUILDS = [20348, 26100] as const;

interface WindowsVersion {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/**
 * Whether a host of `os.version` `host` runs an image of `image`; either may be absent or unreadable
 * and is then any. Before Server 2022 builds must be equal; from it on, a host runs images from the
 * stable release before its own up to its own build.
 */
export function windowsVersionsMatch(host: string | undefined, image: string | undefined): boolean {
  const runs = parse(host ?? "");
  if (isNone(runs) || image === undefined || image === "") return true;
  const wants = parse(image);
  if (runs.major !== wants.major || runs.minor !== wants.minor) return false;
  if (runs.build < STABLE_BUILDS[0]) return runs.build === wants.build;
  const own = STABLE_BUILDS.findLastIndex((build) => runs.build >= build);
  const oldest = STABLE_BUILDS[Math.max(0, own - 1)] ?? STABLE_BUILDS[0];
  return oldest <= wants.build && wants.build <= runs.build;
}

function parse(text: string): WindowsVersion {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,5})(?:\.|$)/.exec(text);
  const [major, minor, build] = (match ?? []).slice(1).map(Number);
  if (major === undefined || minor === undefined || build === undefined) return { major: 0, minor: 0, build: 0 };
  if (major > 0xff || minor > 0xff || build > 0xffff) return { major: 0, minor: 0, build: 0 };
  return { major, minor, build };
}

function isNone({ major, minor, build }: WindowsVersion): boolean {
  return major === 0 && minor === 0 && build === 0;
}
