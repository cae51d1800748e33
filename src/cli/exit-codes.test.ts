import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { exitCodeOf } from "./exit-codes.ts";
import { VERSION } from "./version.ts";

test("the documented codes are the real ones", () => {
  const page = readFileSync(new URL("../../docs/exit-codes.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| ([\d, ]+) \|[^|]*\| (.*) \|$/gm)];
  expect(rows.length).toBeGreaterThan(9);
  for (const [, codes = "", names = ""] of rows) {
    const expected = codes.split(",").map(Number);
    for (const [, name = ""] of names.matchAll(/`([A-Z_]+\*?)`/g)) {
      if (name === "INTERRUPTED_*") {
        expect([
          exitCodeOf("INTERRUPTED_SIGHUP"),
          exitCodeOf("INTERRUPTED_SIGINT"),
          exitCodeOf("INTERRUPTED_SIGTERM"),
        ]).toEqual(expected);
      } else {
        expect([name, exitCodeOf(name.replace("*", "X"))]).toEqual([name, expected[0]]);
      }
    }
  }
});

test("the version is the package's", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  expect(VERSION).toBe(manifest.version);
});
