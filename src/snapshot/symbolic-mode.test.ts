import { expect, test } from "vitest";
import { applyMode, isSymbolicMode } from "./symbolic-mode.ts";

// Results of chmod(1) with umask 0.
test.each([
  ["u=rwX,go=rX", 0o600, false, 0o644],
  ["u=rwX,go=rX", 0o700, false, 0o755],
  ["u=rwX,go=rX", 0o600, true, 0o755],
  ["+x", 0o644, false, 0o755],
  ["a+x,o-rwx", 0o644, false, 0o750],
  ["u+s", 0o755, false, 0o4755],
  ["g+s,o=", 0o755, false, 0o2750],
  ["o+s", 0o755, false, 0o755],
  ["+t", 0o755, true, 0o1755],
  ["o+t", 0o755, true, 0o755],
  ["u+t", 0o755, true, 0o1755],
  ["=r", 0o4777, false, 0o444],
  ["g=u", 0o640, false, 0o660],
  ["go=u-w", 0o640, false, 0o644],
  ["u-x+w", 0o555, false, 0o655],
  ["-X", 0o755, false, 0o644],
])("%s of %o is as BuildKit has it", (change, mode, isDirectory, expected) => {
  expect(applyMode(change, mode, isDirectory)).toBe(expected);
});

test.each(["", "u", "x", "u=z", "u+r,", "888", "u r"])("%j is no change of mode", (text) => {
  expect(isSymbolicMode(text)).toBe(false);
});
