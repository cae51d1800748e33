import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../base/errors.ts";
import { breather, takeSteps } from "../../base/steps.ts";
import type { Entry } from "../../layer/entry.ts";
import { tarBlocks } from "../../layer/tar/writer.ts";
import { exportTree } from "../../snapshot/export-tree.ts";
import type { ExportUndo } from "../../snapshot/export-undo.ts";
import { showPath } from "../../snapshot/resolve-path.ts";
import type { Tree } from "../../snapshot/tree.ts";
import { treeEntries } from "../../snapshot/tree-entries.ts";
import { walk } from "../../snapshot/walk.ts";
import type { Call, WorkerContext } from "../context.ts";
import type { ExportRequest } from "../protocol.ts";
import { chainTree } from "../snapshots.ts";

const NANOSECONDS = 1_000_000_000n;

export async function serve(
  { trees: asked, form, path, epoch }: ExportRequest,
  context: WorkerContext,
  { signal }: Call,
): Promise<null> {
  const trees = asked.map(({ chain, ...rest }) => ({ ...rest, tree: chainTree(chain, context) }));
  if (trees.filter(({ prefix }) => prefix === "").length > 1) await takeSteps(refuseConflicts(trees), signal);
  const mtime = epoch === undefined ? undefined : BigInt(epoch) * NANOSECONDS;
  if (form === "tar") {
    await writeTar(trees, mtime, path, signal);
    return null;
  }
  await writeDirectory(trees, mtime, path, context, signal);
  return null;
}

async function writeDirectory(
  parts: readonly Part[],
  mtime: bigint | undefined,
  path: string,
  { syscalls, note, temp }: WorkerContext,
  signal: AbortSignal,
): Promise<void> {
  const onNotice = (message: string): void => note("EXPORT_INCOMPLETE", message);
  const written: ExportUndo[] = [];
  try {
    for (const { tree, prefix } of parts) {
      const options = { syscalls, temporary: temp.tempPath("undo"), signal, onNotice, mtime };
      written.push(await exportTree(tree, join(path, prefix), options));
    }
  } catch (error) {
    for (const part of written.toReversed()) part.undo();
    throw error;
  } finally {
    for (const part of written) part.close();
  }
}

interface Part {
  readonly tree: Tree;
  readonly prefix: string;
  readonly platform: string;
}

/** Files of several platforms in one directory may not have the same name, as BuildKit has it. Yields after each. */
function* refuseConflicts(parts: readonly Part[]): Generator<void, void> {
  const owners = new Map<string, string>();
  for (const { tree, platform } of parts) {
    for (const { path, node } of walk(tree, "")) {
      yield;
      if (node.type === "directory") continue;
      const other = owners.get(path);
      if (other !== undefined) {
        throw new AppError("EXPORT_CONFLICT", `${showPath(path)} is a file of ${other} and of ${platform}`, {
          hint: "Leave out platform-split=false, so that each platform has a directory of its own.",
        });
      }
      owners.set(path, platform);
    }
  }
}

async function writeTar(
  parts: readonly Part[],
  mtime: bigint | undefined,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const fd = openSync(path, "wx", 0o600);
  const breathe = breather(signal);
  try {
    for await (const block of tarBlocks(entriesOf(parts, mtime), { wholeSeconds: true })) {
      await breathe();
      for (let at = 0; at < block.length;) at += writeSync(fd, block, at);
    }
  } finally {
    closeSync(fd);
  }
}

/** Directories that several trees have in one place are named once. */
function* entriesOf(parts: readonly Part[], mtime: bigint | undefined): Generator<Entry, void> {
  const directories = new Set<string>();
  for (const { tree, prefix } of parts) {
    for (const entry of treeEntries(tree, { prefix, mtime })) {
      if (entry.type === "directory" && directories.has(entry.path)) continue;
      if (entry.type === "directory") directories.add(entry.path);
      yield entry;
    }
  }
}
