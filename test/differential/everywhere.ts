import type { Difference, GeneralDifference } from "./compare.ts";

/** Differences that are accepted wherever they are, by ids that docs/compatibility.md explains. */
export const EVERYWHERE: readonly GeneralDifference[] = [
  { id: "made-directory-time", peer: "buildkit", matches: isTimeOfMade },
  { id: "directory-time", peer: "buildkit", matches: isTimeOfUnchanged },
  { id: "mount-points", peer: "buildkit", matches: isMountPoint },
  { id: "mount-points", peer: "buildah", matches: isMountPoint },
  { id: "more-positions", peer: "buildkit", matches: ({ key, found }) => key === "error line" && found === "" },
  { id: "buildah-working-directory", peer: "buildah", matches: differs("config.WorkingDir", '"/"', "absent") },
];

/** manyarch gives what an instruction makes a time that is the same every time. */
function isTimeOfMade({ key, manyarch, found }: Difference): boolean {
  return key.endsWith(" mtime") && found === "now" && manyarch !== "now" && manyarch !== "absent";
}

function differs(key: string, manyarch: string, found: string): (difference: Difference) => boolean {
  return (difference) => difference.key === key && difference.manyarch === manyarch && difference.found === found;
}

/** BuildKit leaves out a directory in which nothing is other than before, also where its time is. */
function isTimeOfUnchanged({ key, manyarch, found }: Difference): boolean {
  return key.endsWith(" mtime") && manyarch === "now" && found !== "now" && found !== "absent";
}

/** A RUN leaves none of the directories that it was given to be mounted over. */
function isMountPoint({ key, manyarch, found }: Difference): boolean {
  return /^\/(dev|proc|sys) type$/.test(key) && manyarch === "absent" && found === "directory";
}
