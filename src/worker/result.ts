import type { Entries } from "../layer/entry.ts";
import { applyEntries } from "../snapshot/apply.ts";
import type { Tree } from "../snapshot/tree.ts";
import type { Call, WorkerContext } from "./context.ts";
import { packLayer } from "./layer-sink.ts";
import type { LayerBlob, ResultForm, SnapshotId } from "./protocol.ts";
import { publishSnapshot } from "./snapshots.ts";

export interface FileResult {
  readonly id: SnapshotId;
  readonly form: ResultForm;
  /** What the operation worked on. */
  readonly base: Tree;
}

/** Leaves what a file operation made: as a snapshot, or as a layer and nothing else. `entries` is called at most once. */
export async function leaveResult(
  entries: () => Entries,
  { id, form, base }: FileResult,
  context: WorkerContext,
  { signal }: Call,
): Promise<{ readonly layer?: LayerBlob | undefined }> {
  switch (form.kind) {
    case "layer":
      return { layer: await packLayer(entries(), form.packing, context, signal) };
    case "snapshot":
      await publishSnapshot(id, context, (fs) => extract(entries(), fs, base, context, signal));
      return {};
  }
}

/** Writes entries into the new directory `fs` of a snapshot on top of `base`. */
export async function extract(
  entries: Entries,
  fs: string,
  base: Tree,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<void> {
  await applyEntries(entries, fs, base, {
    syscalls: context.syscalls,
    signal,
    onNotice: (message) => context.note("LAYER_INCOMPLETE", message),
  });
}
