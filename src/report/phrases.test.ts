import { expect, test } from "vitest";
import { formatDuration, formatPlatforms, formatStep } from "./phrases.ts";
import { step } from "./testing/sample-build.ts";

test.each([
  [0, "0.0s"],
  [49, "0.0s"],
  [1234, "1.2s"],
  [59_940, "59.9s"],
  [59_960, "1m 00s"],
  [185_000, "3m 05s"],
  [3_725_000, "1h 02m"],
  [-5, "0.0s"],
])("%i ms are %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test("platforms that share a step say their system once", () => {
  expect(formatPlatforms(["linux/amd64"])).toBe("linux/amd64");
  expect(formatPlatforms(["linux/amd64", "linux/arm64", "linux/arm/v7"])).toBe("linux/amd64+arm64+arm/v7");
  expect(formatPlatforms(["linux/amd64", "windows/amd64"])).toBe("linux/amd64+windows/amd64");
  expect(formatPlatforms(["linux/a", "linux/b", "linux/c", "linux/d", "linux/e", "linux/f"])).toBe(
    "linux/a+b+c+d+2 more",
  );
  expect(formatPlatforms([])).toBe("");
});

test("a step is named on one harmless line", () => {
  expect(formatStep(step("x", "build 3/6", "RUN <<EOF\necho \x1b[2Jhi\nEOF", "linux/amd64"))).toBe(
    "[linux/amd64 build 3/6] RUN <<EOF echo hi EOF",
  );
  expect(formatStep(step("x", "context", ""))).toBe("[context]");
  expect(formatStep(step("x", "", "FROM scratch"))).toBe("FROM scratch");
});
