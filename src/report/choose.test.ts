import { expect, test } from "vitest";
import { chooseMode, openProgress } from "./choose.ts";
import { useColor } from "./style.ts";
import { SAMPLE_BUILD } from "./testing/sample-build.ts";

const stream = (isTTY: boolean): { isTTY: boolean; text: string; write: (text: string) => void } => ({
  isTTY,
  text: "",
  write(text) {
    this.text += text;
  },
});

test("auto is a window on a terminal that can have one, outside of CI", () => {
  expect(chooseMode("auto", stream(true), { TERM: "xterm" })).toBe("tty");
  expect(chooseMode("auto", stream(false), { TERM: "xterm" })).toBe("plain");
  expect(chooseMode("auto", stream(true), { TERM: "dumb" })).toBe("plain");
  expect(chooseMode("auto", stream(true), { CI: "true" })).toBe("plain");
  expect(chooseMode("tty", stream(false), { CI: "true" })).toBe("tty");
  expect(chooseMode("quiet", stream(true), {})).toBe("quiet");
});

test("colours need a terminal and no NO_COLOR", () => {
  expect(useColor(stream(true), {})).toBe(true);
  expect(useColor(stream(true), { NO_COLOR: "1" })).toBe(false);
  expect(useColor(stream(true), { NO_COLOR: "" })).toBe(true);
  expect(useColor(stream(true), { TERM: "dumb" })).toBe(false);
  expect(useColor(stream(false), {})).toBe(false);
});

test.each([
  ["plain", /^building Dockerfile/],
  ["rawjson", /^\{"time":0/],
  ["quiet", /^$/],
  ["tty", /3 steps ran, 1 cached/],
] as const)("%s shows a build its way", (mode, expected) => {
  const target = stream(false);
  const progress = openProgress(mode, target, {});
  for (const event of SAMPLE_BUILD) progress.emit(event);
  progress.close();
  progress.close();
  expect(target.text).toMatch(expected);
});
