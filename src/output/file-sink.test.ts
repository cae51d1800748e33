import {
  lstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSink } from "./file-sink.ts";

const { signal } = new AbortController();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sink-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a file appears whole, and not at all when given up", async () => {
  const sink = openSink(join(directory, "a/out"), signal);
  await sink.write(Buffer.from("one"));
  expect(readdirSync(join(directory, "a"))).not.toContain("out");
  await sink.commit();
  expect(readFileSync(join(directory, "a/out"), "utf8")).toBe("one");
  const other = openSink(join(directory, "a/other"), signal);
  other.abort();
  expect(readdirSync(join(directory, "a"))).toEqual(["out"]);
});

test("while it is written the file has no name at all, so that a kill leaves nothing", async () => {
  const path = join(directory, "out");
  for (const text of ["first", "second"]) {
    const sink = openSink(path, signal);
    await sink.write(Buffer.from(text));
    expect(readdirSync(directory)).toEqual(text === "first" ? [] : ["out"]);
    await sink.commit();
    expect([readdirSync(directory), readFileSync(path, "utf8")]).toEqual([["out"], text]);
  }
  expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask() & 0o644);
});

test("a directory in its place is an error at once", () => {
  expect(() => openSink(directory, signal)).toThrow(expect.objectContaining({ code: "OUTPUT_UNWRITABLE" }));
});

test("a device stays one", async () => {
  const sink = openSink("/dev/null", signal);
  await sink.write(Buffer.from("x"));
  await sink.commit();
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("what a link leads to is replaced, not the link", async () => {
  writeFileSync(join(directory, "real"), "old");
  symlinkSync("real", join(directory, "link"));
  const sink = openSink(join(directory, "link"), signal);
  await sink.write(Buffer.from("new"));
  await sink.commit();
  expect(lstatSync(join(directory, "link")).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(directory, "real"), "utf8")).toBe("new");
});
