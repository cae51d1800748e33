import { lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { giveFile } from "./give-file.ts";
import { readKept } from "./kept-metadata.ts";

const keeping = { ...loadSyscalls(), keepsMetadata: true };

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "manyarch-give-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

test("where nothing may be given away, whose it is is kept", () => {
  const directory = place();
  mkdirSync(join(directory, "cache"));
  writeFileSync(join(directory, "secret"), "");
  const before = lstatSync(join(directory, "cache")).uid;
  giveFile(join(directory, "cache"), { uid: 33, gid: 34, mode: 0o755 }, keeping);
  giveFile(join(directory, "secret"), { uid: 5, gid: 6, mode: 0o400 }, keeping);
  expect(readKept(join(directory, "cache"), keeping)).toEqual({ uid: 33, gid: 34, mode: 0o755 });
  expect(readKept(join(directory, "secret"), keeping)).toEqual({ uid: 5, gid: 6, mode: 0o400 });
  expect(lstatSync(join(directory, "cache")).uid).toBe(before);
});

test.runIf(process.getuid?.() === 0)("else it is given", () => {
  const directory = place();
  giveFile(directory, { uid: 33, gid: 34, mode: 0o710 }, loadSyscalls());
  expect(lstatSync(directory)).toMatchObject({ uid: 33, gid: 34, mode: 0o40710 });
});
