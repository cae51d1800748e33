import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Entry } from "../layer/entry.ts";
import { bytesContent } from "../layer/file-content.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { applyEntries } from "./apply.ts";
import { emptyTree } from "./empty-tree.ts";

const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const syscalls = loadSyscalls();
let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "apply-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

test.each([
  ["less", "found 2"],
  ["more", "found more"],
])("a file that holds %s than its header says fails the layer", async (which, found) => {
  const content = bytesContent(Buffer.from(which === "less" ? "ab" : "abcd"));
  const entry: Entry = { type: "file", path: "f", mode: 0o644, ...owner, mtime: 0n, size: 3, content };
  const options = { syscalls, signal: new AbortController().signal };
  await expect(applyEntries([entry], join(directory, "fs"), emptyTree, options)).rejects.toMatchObject({
    code: "LAYER_CONTENT_CHANGED",
    message: expect.stringContaining(found),
  });
});

test("what ends an extraction is told, not what the reader says to being left", async () => {
  const entry: Entry = { type: "directory", path: "a", mode: 0o755, ...owner, mtime: 0n };
  const entries: Iterable<Entry> = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: entry }),
      return: () => {
        throw new Error("the rest of the layer has another digest");
      },
    }),
  };
  const options = { syscalls, signal: AbortSignal.abort(new Error("no space left")) };
  await expect(applyEntries(entries, join(directory, "fs"), emptyTree, options)).rejects.toThrow("no space left");
});
