import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Entry } from "../layer/entry.ts";
import { bytesContent } from "../layer/file-content.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { applyEntries } from "./apply.ts";
import { emptyTree } from "./empty-tree.ts";
import { LayeredTree } from "./layered-tree.ts";
import { MemoryTree } from "./memory-tree.ts";

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

test("a device 0:0 of a layer hides nothing, on disk and in memory: there it would be a whiteout", async () => {
  const common = { mode: 0o644, ...owner, mtime: 0n } as const;
  const file: Entry = { type: "file", path: "f", ...common, size: 1, content: bytesContent(Buffer.from("a")) };
  const device: Entry = { type: "char", path: "f", ...common, major: 0, minor: 0 };
  const [lower, upper] = [join(directory, "lower"), join(directory, "upper")];
  const notices: string[] = [];
  const onNotice = (message: string): void => void notices.push(message);
  const options = { syscalls, signal: new AbortController().signal, onNotice };
  await applyEntries([file], lower, emptyTree, options);
  await applyEntries([device], upper, new LayeredTree([lower], syscalls), options);
  expect(new LayeredTree([lower, upper], syscalls).lstat("f")?.type).toBe("file");
  expect(notices).toEqual(['"/f": device 0:0 is left out']);
  const tree = new MemoryTree();
  for (const entry of [file, device]) {
    tree.beginLayer();
    tree.apply(entry);
  }
  expect(tree.lstat("f")?.type).toBe("file");
});
