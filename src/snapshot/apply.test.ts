import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Entry } from "../layer/entry.ts";
import { loadSyscalls } from "../sys/load-syscalls.ts";
import { applyEntries } from "./apply.ts";
import { emptyTree } from "./empty-tree.ts";

test("what ends an extraction is told, not what the reader says to being left", async () => {
  const directory = mkdtempSync(join(tmpdir(), "apply-"));
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const entry: Entry = { type: "directory", path: "a", mode: 0o755, ...owner, mtime: 0n };
  const entries: Iterable<Entry> = {
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: entry }),
      return: () => {
        throw new Error("the rest of the layer has another digest");
      },
    }),
  };
  try {
    const options = { syscalls: loadSyscalls(), signal: AbortSignal.abort(new Error("no space left")) };
    await expect(applyEntries(entries, join(directory, "fs"), emptyTree, options)).rejects.toThrow("no space left");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
