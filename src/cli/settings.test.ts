import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSettings } from "./settings.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "settings-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const { signal } = new AbortController();

function settings(text: string | undefined, env: Record<string, string> = {}): ReturnType<typeof readSettings> {
  const path = join(directory, "config.json");
  if (text !== undefined) writeFileSync(path, text);
  return readSettings({ env: { ...(text !== undefined && { MANYARCH_CONFIG: path }), ...env }, cwd: "/", signal });
}

test("the environment counts before the file, and mirrors of both are asked in that order", () => {
  const file = '{"root":"/a","registryMirrors":{"docker.io":["m1","m2"]},"plainHttp":["p1"]}';
  const env = { MANYARCH_ROOT: "/b", MANYARCH_REGISTRY_MIRRORS: "docker.io=e, gcr.io=g", MANYARCH_PLAIN_HTTP: "p2," };
  expect(settings(file)).toEqual({ root: "/a", mirrors: ["docker.io=m1", "docker.io=m2"], plainHttp: ["p1"] });
  expect(settings(file, env)).toEqual({
    root: "/b",
    mirrors: ["docker.io=e", "gcr.io=g", "docker.io=m1", "docker.io=m2"],
    plainHttp: ["p1", "p2"],
  });
});

test("without a file there are none, unless it was named", () => {
  expect(settings(undefined, { HOME: "/nowhere" })).toEqual({ root: undefined, mirrors: [], plainHttp: [] });
  expect(settings(undefined)).toEqual({ root: undefined, mirrors: [], plainHttp: [] });
  expect(() => settings(undefined, { MANYARCH_CONFIG: "/nowhere/config.json" })).toThrow("cannot be read");
});

test.each(["{", "[]", "null", '{"root":1}', '{"plainHttp":"x"}', '{"registryMirrors":{"a":"b"}}', '{"other":1}'])(
  "%s is refused",
  (text) => {
    expect(() => settings(text)).toThrow(expect.objectContaining({ code: "USAGE_SETTINGS" }));
  },
);
