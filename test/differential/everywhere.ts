import type { Difference, GeneralDifference } from "./compare.ts";

/** Differences that are accepted wherever they are, by ids that docs/compatibility.md explains. */
export const EVERYWHERE: readonly GeneralDifference[] = [
  { id: "made-directory-time", peer: "buildkit", matches: isTimeOfMade },
  { id: "user-attributes", peer: "buildkit", matches: isUserAttribute },
  { id: "epoch-times", peer: "buildkit", matches: isBoundedByEpoch },
  { id: "directory-time", peer: "buildkit", matches: isTimeOfUnchanged },
  { id: "mount-points", peer: "buildkit", matches: isMountPoint },
  { id: "mount-points", peer: "buildah", matches: isMountPoint },
  { id: "more-positions", peer: "buildkit", matches: ({ key, found }) => key === "error line" && found === "" },
];

/** manyarch gives what an instruction makes a time that is the same every time. */
function isTimeOfMade({ key, manyarch, found }: Difference): boolean {
  return key.endsWith(" mtime") && manyarch !== found && (found === "now" ? manyarch !== "absent" : manyarch === "0");
}

/** BuildKit leaves out a directory in which nothing is other than before, also where its time is. */
function isTimeOfUnchanged({ key, manyarch, found }: Difference): boolean {
  return key.endsWith(" mtime") && manyarch === "now" && found !== "now" && found !== "absent";
}

/** Layers of BuildKit have of attributes only capabilities. */
function isUserAttribute({ key, manyarch, found }: Difference): boolean {
  return / xattr user\./.test(key) && manyarch !== "absent" && found === "absent";
}

/** Of BuildKit files keep their times unless `rewrite-timestamp` is asked for. */
function isBoundedByEpoch({ key, manyarch }: Difference): boolean {
  return key.endsWith(" mtime") && manyarch === "1500000000";
}

/** A RUN leaves none of the directories that it was given to be mounted over. */
function isMountPoint({ key, manyarch, found }: Difference): boolean {
  return /^\/(dev|proc|sys) type$/.test(key) && manyarch === "absent" && found === "directory";
}
