import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Entry } from "../src/layer/entry.ts";
import { bytesContent } from "../src/layer/file-content.ts";
import type { IndexEntry } from "../src/layer/layer-index.ts";
import { applyEntries } from "../src/snapshot/apply.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { MemoryTree } from "../src/snapshot/memory-tree.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import type { Syscalls } from "../src/sys/syscalls.ts";
import { dump } from "../src/snapshot/testing/dump.ts";

const isRoot = process.geteuid?.() === 0;
const syscalls = loadSyscalls();
const signal = new AbortController().signal;
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "snapshot-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Layer {
  readonly entries: readonly (readonly [IndexEntry, Uint8Array | undefined])[];
}

const name = fc.constantFrom("a", "a", "b", "\xe9");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const target = fc.oneof(
  path,
  path.map((to) => `/${to}`),
  path.map((to) => `../${to}`),
  fc.constantFrom("/", "..", ".", "../../../../etc", "a"),
);
const metadata = fc.record({
  mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o2750, 0o1777, 0),
  uid: fc.constantFrom(0, 1, 70000),
  gid: fc.constantFrom(0, 5),
  mtime: fc.constantFrom(0n, 1_700_000_000_000_000_000n, 1_700_000_000_123_456_789n, -5_000_000_001n),
  xattrs: fc.constantFrom(
    undefined,
    undefined,
    new Map([["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")]]),
  ),
});
const plain = metadata.map(({ xattrs: _, ...rest }) => rest);
const anEntry: fc.Arbitrary<readonly [IndexEntry, Uint8Array | undefined]> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(path, metadata, fc.constantFrom("", "x", "yy"))
      .map(([at, meta, text]) => [{ type: "file", path: at, ...meta, size: text.length }, Buffer.from(text)] as const),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(path, plain)
      .map(([at, meta]) => [{ type: "directory", path: at, ...meta }, undefined] as const),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(path, plain, target)
      .map(([at, meta, to]) => [{ type: "symlink", path: at, ...meta, target: to }, undefined] as const),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(path, plain, path)
      .map(([at, meta, to]) => [{ type: "hardlink", path: at, ...meta, target: to }, undefined] as const),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(path, plain).map(([at, meta]) => [{ type: "fifo", path: at, ...meta }, undefined] as const),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(path, plain)
      .map(([at, meta]) => [{ type: "char", path: at, ...meta, major: 1, minor: 3 }, undefined] as const),
  },
  { weight: 3, arbitrary: path.map((at) => [{ type: "whiteout", path: at }, undefined] as const) },
  { weight: 1, arbitrary: path.map((at) => [{ type: "opaque", path: at }, undefined] as const) },
  { weight: 1, arbitrary: plain.map((meta) => [{ type: "directory", path: "", ...meta }, undefined] as const) },
);
const layers: fc.Arbitrary<Layer[]> = fc.array(
  fc.array(anEntry, { maxLength: 8 }).map((entries) => ({ entries })),
  { minLength: 1, maxLength: 3 },
);

/** A place where nothing but files, links and fifos of one's own can be made. */
const poor: Syscalls = {
  ...syscalls,
  keepsMetadata: true,
  mknod: (at, mode, major, minor) => {
    if ((mode & 0o170000) !== 0o010000) throw refusal();
    syscalls.mknod(at, mode, major, minor);
  },
  lsetxattr: (at, name, value) => {
    if (!name.startsWith("user.")) throw refusal();
    syscalls.lsetxattr(at, name, value);
  },
};

test.skipIf(!isRoot).each([
  { place: "as root", syscalls },
  { place: "where owners and devices can only be kept in attributes", syscalls: poor },
])(
  "extracted layers read as the same layers applied in memory: $place",
  async ({ syscalls }) => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(layers, async (stack) => {
        const root = join(directory, String(count++));
        mkdirSync(root);
        const model = new MemoryTree();
        const done: string[] = [];
        for (const [index, layer] of stack.entries()) {
          const to = join(root, String(index));
          const expected = failureOf(() => {
            model.beginLayer();
            for (const [entry, content] of layer.entries) model.apply(entry, content);
          });
          const found = await failureOfPromise(
            applyEntries(withContents(layer), to, new LayeredTree(done, syscalls), { syscalls, signal }),
          );
          expect(found).toBe(expected);
          if (found !== undefined) break;
          done.push(to);
          expect(dump(new LayeredTree(done, syscalls))).toEqual(dump(model));
        }
        rmSync(root, { recursive: true });
      }),
      { numRuns: Number(process.env["FC_RUNS"] ?? 500) },
    );
  },
  60_000,
);

function* withContents(layer: Layer): Generator<Entry> {
  for (const [entry, content] of layer.entries) {
    yield entry.type === "file" ? { ...entry, content: bytesContent(content ?? Buffer.alloc(0)) } : entry;
  }
}

function refusal(): Error {
  return Object.assign(new Error("EPERM"), { code: "EPERM" });
}

function failureOf(body: () => void): string | undefined {
  try {
    body();
  } catch (error) {
    return codeOf(error);
  }
  return undefined;
}

async function failureOfPromise(promise: Promise<void>): Promise<string | undefined> {
  return promise.then(() => undefined, codeOf);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
