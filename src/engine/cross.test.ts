import { expect, test } from "vitest";
import { AppError } from "../base/errors.ts";
import { CrossFailure, OutputTail } from "./cross.ts";

const FAILED = new AppError("RUN_FAILED", "the command failed: exit code 1");

function judged(output: string, namesBuild: boolean, error: AppError = FAILED): unknown {
  const tail = new OutputTail();
  for (const piece of output.match(/.{1,7}/gs) ?? []) tail.add(Buffer.from(piece));
  return tail.judge(error, { origin: "linux/arm64 0", namesBuild }, "RUN x");
}

test.each([
  ["main.go:1: syntax error", true, false],
  ["./gen: exec format error", true, true],
  ["sh: ./gen: cannot execute binary file: Exec format error", true, true],
  ["go: cannot install cross-compiled binaries when GOBIN is set", true, true],
  // A command that does not say what it compiles may fail by anything that the crossing changed.
  ["make: *** Error 1", false, true],
  [`exec format error${"x".repeat(9000)}`, true, false],
])("%.60s, where the command names its build: %s: the crossing broke it: %s", (output, namesBuild, isCrossing) => {
  const error = judged(output, namesBuild);
  if (isCrossing) expect(error).toMatchObject({ code: "CROSS_FAILED", origin: "linux/arm64 0" });
  else expect(error).toBe(FAILED);
});

test("nothing but the end of a command is judged, and none of a stage that does not cross", () => {
  const canceled = new AppError("CANCELED", "exec format error");
  expect(judged("exec format error", false, canceled)).toBe(canceled);
  expect(new OutputTail().judge(FAILED, undefined, "RUN x")).toBe(FAILED);
  expect(judged("", false)).toBeInstanceOf(CrossFailure);
});
