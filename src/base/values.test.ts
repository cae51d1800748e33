import { expect, test } from "vitest";
import { parseBoolean, parseSize } from "./values.ts";

test.each([
  ["0", 0],
  ["64", 64],
  ["64b", 64],
  ["64m", 64 * 1024 ** 2],
  ["64MB", 64 * 1024 ** 2],
  ["1.5GiB", 1.5 * 1024 ** 3],
  ["2 k", 2048],
  ["1t", 1024 ** 4],
  ["0.3k", 307],
  ["", undefined],
  ["m", undefined],
  ["-1", undefined],
  ["1x", undefined],
  ["1.m", undefined],
  ["1mm", undefined],
])("the size %j is %j", (text, size) => {
  expect(parseSize(text)).toBe(size);
});

test.each([
  ["true", true],
  ["T", true],
  ["1", true],
  ["False", false],
  ["0", false],
  ["tRUE", undefined],
  ["yes", undefined],
  ["", undefined],
])("%j as a boolean is %j", (text, value) => {
  expect(parseBoolean(text)).toBe(value);
});
