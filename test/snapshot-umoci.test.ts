import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../src/base/errors.ts";
import type { Entry } from "../src/layer/entry.ts";
import { bytesContent } from "../src/layer/file-content.ts";
import type { IndexEntry } from "../src/layer/layer-index.ts";
import { tarBlocks } from "../src/layer/tar/writer.ts";
import { applyEntries } from "../src/snapshot/apply.ts";
import { DirectoryTree } from "../src/snapshot/dir-tree.ts";
import { LayeredTree } from "../src/snapshot/layered-tree.ts";
import { dump } from "../src/snapshot/testing/dump.ts";
import { loadSyscalls } from "../src/sys/load-syscalls.ts";

const hasUmoci = process.geteuid?.() === 0 && spawnSync("umoci", ["--version"]).status === 0;
const syscalls = loadSyscalls();
const signal = new AbortController().signal;

const METADATA = { mode: 0o750, uid: 3, gid: 4, mtime: 5_000_000_000n };
const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const target = fc.oneof(
  path,
  path.map((to) => `/${to}`),
  path.map((to) => `../${to}`),
  fc.constantFrom("/", ".."),
);
const directory = path.map((at): IndexEntry => ({ type: "directory", path: at, ...METADATA }));
const whiteout = path.map((at): IndexEntry => ({ type: "whiteout", path: at }));
const anEntry = fc.oneof(
  path.map((at): IndexEntry => ({ type: "file", path: at, ...METADATA, size: 1 })),
  directory,
  directory,
  fc.tuple(path, target).map(([at, to]): IndexEntry => ({ type: "symlink", path: at, ...METADATA, target: to })),
  whiteout,
  whiteout,
  path.map((at): IndexEntry => ({ type: "opaque", path: at })),
);
/** As tools write them: no path twice, parents first. */
const aLayer = fc
  .uniqueArray(anEntry, { selector: (entry) => entry.path, maxLength: 7 })
  .map((entries) => entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)));

test.skipIf(!hasUmoci)(
  "umoci unpacks the same tree from the same layers",
  async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(aLayer, { minLength: 1, maxLength: 3 }), async (layers) => {
        const root = mkdtempSync(join(tmpdir(), "umoci-"));
        try {
          const theirs = await umociUnpack(root, layers);
          const ours = await extract(root, layers);
          expect(ours === undefined, "accepted by one of us only").toBe(theirs === undefined);
          if (ours === undefined || theirs === undefined) return;
          compared++;
          // Directories that no layer describes have the time of day there.
          expect(dump(ours, { times: false }).slice(1)).toEqual(dump(theirs, { times: false }).slice(1));
        } finally {
          rmSync(root, { recursive: true });
        }
      }),
      { numRuns: Number(process.env["FC_RUNS"] ?? 40) },
    );
    expect(compared).toBeGreaterThan(10);
  },
  120_000,
);

async function umociUnpack(
  root: string,
  layers: readonly (readonly IndexEntry[])[],
): Promise<DirectoryTree | undefined> {
  const image = `${join(root, "image")}:tag`;
  execFileSync("umoci", ["init", "--layout", join(root, "image")]);
  execFileSync("umoci", ["new", "--image", image]);
  for (const entries of layers) {
    const blocks: Uint8Array[] = [];
    for await (const block of tarBlocks(withContent(entries))) blocks.push(block);
    writeFileSync(join(root, "layer.tar"), Buffer.concat(blocks));
    execFileSync("umoci", ["raw", "add-layer", "--image", image, join(root, "layer.tar")]);
  }
  const { status } = spawnSync("umoci", ["unpack", "--image", image, join(root, "bundle")]);
  return status === 0 ? new DirectoryTree(join(root, "bundle/rootfs"), { syscalls }) : undefined;
}

async function extract(root: string, layers: readonly (readonly IndexEntry[])[]): Promise<LayeredTree | undefined> {
  const done: string[] = [];
  try {
    for (const [index, entries] of layers.entries()) {
      const to = join(root, String(index));
      await applyEntries(withContent(entries), to, new LayeredTree(done, syscalls), { syscalls, signal });
      done.push(to);
    }
  } catch (error) {
    if (error instanceof AppError) return undefined; // Refused.
    throw error;
  }
  return new LayeredTree(done, syscalls);
}

function withContent(entries: readonly IndexEntry[]): Entry[] {
  return entries.map((entry) =>
    entry.type === "file" ? { ...entry, content: bytesContent(Buffer.from("x")) } : entry,
  );
}
