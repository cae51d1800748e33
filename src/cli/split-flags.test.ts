import { expect, test } from "vitest";
import { splitPlatformFlags } from "./split-flags.ts";

test.each([
  [
    ["--build-arg[linux/arm64]", "A=1", "."],
    ["--build-arg", "[linux/arm64]A=1", "."],
  ],
  [["--build-arg[linux/arm64]=A=1"], ["--build-arg", "[linux/arm64]A=1"]],
  [
    ["--build-arg", "A=1"],
    ["--build-arg", "A=1"],
  ],
  [["--build-arg[linux/arm64]"], ["--build-arg", "[linux/arm64]"]],
  [
    ["--", "--build-arg[x]", "y"],
    ["--", "--build-arg[x]", "y"],
  ],
])("%j is %j", (argv, expected) => {
  expect(splitPlatformFlags(argv)).toEqual(expected);
});
