import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { LayeredTree } from "../snapshot/layered-tree.ts";
import type { Tree } from "../snapshot/tree.ts";
import { snapshotMissing } from "../store/errors.ts";
import type { SnapshotForm } from "../store/store.ts";
import { bootId } from "../sys/host.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import type { WorkerContext } from "./context.ts";
import type { Chain, SnapshotId } from "./protocol.ts";

/** The extracted directories of a chain, lowest first. Throws `STORE_SNAPSHOT_MISSING`. */
export function layerDirectories(chain: Chain, context: WorkerContext): readonly string[] {
  return chain.map((id) => {
    if (hasSnapshot(id, context)) return layerDirectory(id, context);
    throw snapshotMissing(id);
  });
}

export function chainTree(chain: Chain, context: WorkerContext): Tree {
  return new LayeredTree(layerDirectories(chain, context), context.syscalls);
}

export function layerDirectory(id: SnapshotId, context: WorkerContext): string {
  return `${directoryOf(id, context)}/fs`;
}

/** True where the snapshot is whole: published since the machine came up (engine/results.ts asks the same). */
export function hasSnapshot(id: SnapshotId, context: WorkerContext): boolean {
  return bootOf(directoryOf(id, context)) === bootId();
}

/** The form of the snapshots that a worker with these system calls reads and writes. */
export function snapshotForm({ keepsMetadata }: Pick<Syscalls, "keepsMetadata">): SnapshotForm {
  return keepsMetadata === true ? "kept" : "plain";
}

function directoryOf(id: SnapshotId, { store, syscalls }: WorkerContext): string {
  return store.snapshotDirectory(id, snapshotForm(syscalls));
}

/**
 * Makes snapshot `id` unless it is there: `make` fills the directory `fs` of its own, which it must create,
 * and all appears at once or not at all. Is another worker first, its snapshot stays and ours goes.
 */
export async function publishSnapshot(
  id: SnapshotId,
  context: WorkerContext,
  make: (fs: string, own: string) => Promise<void>,
): Promise<void> {
  if (hasSnapshot(id, context)) return;
  const own = context.temp.tempPath("snapshot");
  mkdirSync(own, { mode: 0o700 });
  try {
    await make(`${own}/fs`, own);
    writeFileSync(`${own}/boot`, bootId());
    rename(own, directoryOf(id, context), context);
  } finally {
    removeTree(fromUtf8(own));
  }
}

function rename(own: string, target: string, context: WorkerContext): void {
  for (;;) {
    try {
      return renameSync(own, target);
    } catch (error) {
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
    }
    if (bootOf(target) === bootId()) return;
    setAside(target, context);
  }
}

/** A snapshot of before the machine came up may not be whole: nobody uses it. */
function setAside(target: string, context: WorkerContext): void {
  const aside = context.temp.tempPath("stale");
  try {
    renameSync(target, aside);
    // Between our looking and renaming another worker may have put its own there.
    if (bootOf(aside) === bootId()) renameSync(aside, target);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) throw error;
  }
  removeTree(fromUtf8(aside));
}

function bootOf(directory: string): string | undefined {
  try {
    return readFileSync(`${directory}/boot`, "latin1");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
