import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { errnoOf } from "../src/base/errors.ts";
import type { Entry } from "../src/layer/entry.ts";
import { bytesContent } from "../src/layer/file-content.ts";
import { applyEntries } from "../src/snapshot/apply.ts";
import { diffEntries } from "../src/snapshot/diff.ts";
import { DirectoryTree } from "../src/snapshot/dir-tree.ts";
import { emptyTree } from "../src/snapshot/empty-tree.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { makeUpper, mountOverlay, unmount } from "../src/snapshot/overlay.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";
import { dump, listEntries } from "../src/snapshot/testing/dump.ts";

const syscalls = loadSyscalls();
const signal = new AbortController().signal;
let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "overlay-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function canMount(): boolean {
  if (process.geteuid?.() !== 0) return false;
  const root = mkdtempSync(join(tmpdir(), "overlay-probe-"));
  try {
    const [lower, upper, work, target] = ["l", "u", "w", "m"].map((name) => join(root, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const path of [lower, upper, work, target]) mkdirSync(path);
    mountOverlay({ lower: [lower], upper, work, target, syscalls });
    unmount(target, syscalls);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Runs `change` in a mount over `lower` and returns the upper directory. */
function change(lower: readonly string[], name: string, body: (root: string) => void): string {
  const root = join(directory, name);
  const [upper, work, target] = ["upper", "work", "merged"].map((part) => join(root, part)) as [string, string, string];
  for (const path of [root, work, target]) mkdirSync(path);
  makeUpper(upper, new LayeredTree(lower, syscalls), syscalls);
  mountOverlay({ lower, upper, work, target, syscalls });
  try {
    body(target);
    expect(dump(new LayeredTree([...lower, upper], syscalls))).toEqual(dump(new DirectoryTree(target, { syscalls })));
  } finally {
    unmount(target, syscalls);
  }
  return upper;
}

type Change = (root: string) => void;
const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const aChange: fc.Arbitrary<Change> = fc.oneof(
  path.map((at) => (root: string) => mkdirSync(join(root, at), { recursive: true })),
  path.map((at) => (root: string) => mkdirSync(join(root, at), { recursive: true })),
  fc.tuple(path, fc.constantFrom("x", "yy")).map(
    ([at, text]) =>
      (root: string) =>
        writeFileSync(join(root, at), text),
  ),
  fc.tuple(path, fc.constantFrom("x", "yy")).map(
    ([at, text]) =>
      (root: string) =>
        writeFileSync(join(root, at), text),
  ),
  path.map((at) => (root: string) => rmSync(join(root, at), { recursive: true })),
  fc.tuple(path, path).map(
    ([from, to]) =>
      (root: string) =>
        renameSync(join(root, from), join(root, to)),
  ),
  fc.tuple(path, path).map(
    ([from, to]) =>
      (root: string) =>
        linkSync(join(root, from), join(root, to)),
  ),
  fc.tuple(path, path).map(
    ([to, at]) =>
      (root: string) =>
        symlinkSync(to, join(root, at)),
  ),
  fc.tuple(path, fc.constantFrom(0o700, 0o4755, 0o2750)).map(
    ([at, mode]) =>
      (root: string) =>
        chmodSync(join(root, at), mode),
  ),
  fc.tuple(path, fc.constantFrom(0, 1, 70000)).map(
    ([at, id]) =>
      (root: string) =>
        chownSync(join(root, at), id, id),
  ),
  fc.tuple(path, fc.constantFrom(1, 1_700_000_000)).map(
    ([at, time]) =>
      (root: string) =>
        lutimesSync(join(root, at), time, time),
  ),
);

test.skipIf(!canMount())(
  "what a diff says, extracted, is the tree that was mounted",
  async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(aChange, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 }),
        async (rounds) => {
          const uppers = [join(directory, `base-${++count}`)];
          await applyEntries([], uppers[0]!, emptyTree, { syscalls, signal });
          const applied = [...uppers];
          for (const [index, changes] of rounds.entries()) {
            const upper = change(uppers, `${count}-${index}`, (root) =>
              changes.forEach((act) => tolerate(() => act(root))),
            );
            const below = new LayeredTree(applied, syscalls);
            const to = join(directory, `${count}-${index}-applied`);
            await applyEntries(diffEntries(upper, new LayeredTree(uppers, syscalls), { syscalls }), to, below, {
              syscalls,
              signal,
            });
            uppers.push(upper);
            applied.push(to);
            // The root's own time is no part of a layer.
            expect(dump(new LayeredTree(applied, syscalls)).slice(1)).toEqual(
              dump(new LayeredTree(uppers, syscalls)).slice(1),
            );
          }
        },
      ),
      { numRuns: Number(process.env["FC_RUNS"] ?? 60) },
    );
  },
  120_000,
);

/** A random change may not be possible, and then the system says so; anything else is a fault of the test's. */
function tolerate(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

test.skipIf(!canMount())("a diff has no entry for what was only copied up, and stubs never", () => {
  const base = join(directory, "base");
  mkdirSync(join(base, "etc/deep/er"), { recursive: true });
  writeFileSync(join(base, "etc/deep/er/file"), "old");
  mkdirSync(join(base, "gone/x"), { recursive: true });
  mkdirSync(join(base, "fresh/y"), { recursive: true });
  const upper = change([base], "run", (root) => {
    writeFileSync(join(root, "etc/deep/er/file"), "new");
    writeFileSync(join(root, "etc/resolv.conf"), "stub");
    mkdirSync(join(root, "proc"));
    mkdirSync(join(root, "sys"));
    writeFileSync(join(root, "sys/kept"), "");
    rmSync(join(root, "gone"), { recursive: true });
    rmSync(join(root, "fresh"), { recursive: true });
    mkdirSync(join(root, "fresh"));
    writeFileSync(join(root, "twin-a"), "twin");
    linkSync(join(root, "twin-a"), join(root, "twin-b"));
  });
  const entries = diffEntries(upper, new LayeredTree([base], syscalls), {
    syscalls,
    stubs: ["etc/resolv.conf", "proc", "sys"],
  });
  expect(listEntries(entries)).toEqual([
    "gone whiteout",
    'etc/deep/er/file file 644 0:0 "new"',
    "fresh directory 755 0:0",
    "fresh/y whiteout",
    "sys directory 755 0:0",
    'sys/kept file 644 0:0 ""',
    'twin-a file 644 0:0 "twin"',
    "twin-b hardlink 644 0:0 -> twin-a",
  ]);
});

test.skipIf(!canMount())("127 layers mount from a long path", () => {
  const long = join(directory, "x".repeat(200));
  const lower = Array.from({ length: 127 }, (_, index) => join(long, `layer-${index}`));
  for (const [index, path] of lower.entries()) {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, `file-${index}`), "");
  }
  const upper = change(lower, "run", (root) => rmSync(join(root, "file-0")));
  expect(listEntries(diffEntries(upper, new LayeredTree(lower, syscalls), { syscalls }))).toEqual(["file-0 whiteout"]);
});

test.skipIf(!canMount())("a full disk is named as such", async () => {
  const small = join(directory, "small");
  mkdirSync(small);
  syscalls.mount("tmpfs", small, "tmpfs", 0, "size=1m");
  try {
    const size = 2 << 20;
    const entry = { type: "file", path: "big", mode: 0o644, uid: 0, gid: 0, mtime: 0n, size } as const;
    const applied = applyEntries(
      [{ ...entry, content: bytesContent(Buffer.alloc(size)) }],
      join(small, "fs"),
      emptyTree,
      { syscalls, signal },
    );
    await expect(applied).rejects.toMatchObject({
      code: "DISK_FULL",
      message: 'no space left in the store to write "/big"',
    });
  } finally {
    unmount(small, syscalls);
  }
});

test.skipIf(!canMount())("an abort ends an extraction", async () => {
  const controller = new AbortController();
  function* endless(): Generator<Entry> {
    for (let count = 0; ; count++)
      yield { type: "directory", path: `d${count}`, mode: 0o755, uid: 0, gid: 0, mtime: 0n };
  }
  setTimeout(() => controller.abort(new Error("stop")), 20);
  await expect(
    applyEntries(endless(), join(directory, "fs"), emptyTree, { syscalls, signal: controller.signal }),
  ).rejects.toThrow("stop");
});
