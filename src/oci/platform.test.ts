import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parsePlatformObject, platformObject } from "./platform-json.ts";
import {
  formatPlatform,
  formatPlatformFull,
  hostPlatform,
  normalizePlatform,
  parsePlatform,
  platformsEqual,
} from "./platform.ts";
import type { Platform } from "./platform.ts";

const HOST = { os: "linux", architecture: "amd64" };
const INVALID = expect.objectContaining({ code: "PLATFORM_INVALID" });

const rows = readFileSync(new URL("platform.table.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split(" = ") as [text: string, expected: string]);

test.each(rows)("%s = %s", (text, expected) => {
  if (expected === "!") {
    expect(() => parsePlatform(text, HOST)).toThrow(INVALID);
    return;
  }
  const platform = parsePlatform(text, HOST);
  expect(formatPlatformFull(platform)).toBe(expected);
  expect(parsePlatform(expected, HOST)).toEqual(platform);
  expect(normalizePlatform(platform)).toEqual(platform);
});

test("what is left out comes from the host", () => {
  const pi = { os: "linux", architecture: "arm", variant: "v6" };
  expect(formatPlatform(parsePlatform("linux", pi))).toBe("linux/arm/v6");
  expect(formatPlatform(parsePlatform("windows", pi))).toBe("windows/arm/v6");
  expect(formatPlatform(parsePlatform("amd64", { ...pi, os: "freebsd" }))).toBe("freebsd/amd64");
});

test("the empty text is refused, and the error lists what is known", () => {
  expect(() => parsePlatform("", HOST)).toThrow(INVALID);
  expect(() => parsePlatform("linux/amd64/v2/v3".repeat(1000), HOST)).toThrow(INVALID);
  try {
    parsePlatform("amd65", HOST);
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ hint: expect.stringMatching(/linux\/arm\/v7.*linux.*amd64.*riscv64/) });
  }
});

test("Node's names of a machine become Go's", () => {
  const named = (arch: string, os = "linux"): string => formatPlatform(hostPlatform(arch, os));
  expect(["x64", "arm64", "arm", "ia32", "riscv64", "ppc64", "s390x", "loong64"].map((arch) => named(arch))).toEqual([
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/386",
    "linux/riscv64",
    "linux/ppc64le",
    "linux/s390x",
    "linux/loong64",
  ]);
  expect([named("arm64", "darwin"), named("x64", "win32")]).toEqual(["darwin/arm64", "windows/amd64"]);
});

test("spellings of one platform are equal, others are not", () => {
  const equal = (a: string, b: string): boolean => platformsEqual(parsePlatform(a, HOST), parsePlatform(b, HOST));
  expect(
    platformsEqual({ os: "linux", architecture: "arm64", variant: "v8" }, { os: "Linux", architecture: "aarch64" }),
  ).toBe(true);
  expect(equal("linux(+b+a)/arm", "linux(+a+b)/arm/7")).toBe(true);
  expect(equal("linux/arm/v6", "linux/arm/v7")).toBe(false);
  expect(equal("linux(1)/amd64", "linux(2)/amd64")).toBe(false);
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,9}$/);
const option = fc.stringMatching(/^[a-z0-9.%+()/]{1,9}$/);
const platforms: fc.Arbitrary<Platform> = fc
  .record({
    os: fc.constantFrom("linux", "windows", "Darwin", "macos", "FreeBSD"),
    architecture: fc.oneof(name, fc.constantFrom("amd64", "arm", "arm64", "aarch64", "x86_64")),
    variant: fc.option(fc.oneof(name, fc.constantFrom("v8", "7", "v6")), { nil: undefined }),
    osVersion: fc.option(option, { nil: undefined }),
    osFeatures: fc.option(fc.array(option, { maxLength: 3 }), { nil: undefined }),
  })
  .map(normalizePlatform);

test("the full text of a platform reads back as it", () => {
  fc.assert(
    fc.property(platforms, (platform) => {
      expect(parsePlatform(formatPlatformFull(platform))).toEqual(platform);
    }),
  );
});

test("the JSON of a platform reads back as it", () => {
  const where = { code: "X", path: "platform" };
  fc.assert(
    fc.property(platforms, (platform) => {
      const json = JSON.parse(JSON.stringify(platformObject(platform)));
      expect(parsePlatformObject(json, where)).toEqual(platform);
    }),
  );
});

test("JSON keeps a platform as it stands", () => {
  const where = { code: "DESCRIPTOR_INVALID", path: "platform" };
  const text = { architecture: "arm64", os: "linux", "os.version": "1", "os.features": ["b", "a"], variant: "v8" };
  expect(platformObject(parsePlatformObject(text, where))).toEqual(text);
  expect(
    parsePlatformObject({ os: "linux", architecture: "arm64", variant: null, "os.features": null }, where),
  ).toEqual({
    os: "linux",
    architecture: "arm64",
  });
  for (const bad of [
    [],
    "linux/amd64",
    { os: 1 },
    { os: "linux", "os.features": "a" },
    { OS: "linux" },
    { "os.features": [1] },
  ]) {
    expect(() => parsePlatformObject(bad, where)).toThrow(expect.objectContaining({ code: "DESCRIPTOR_INVALID" }));
  }
});
