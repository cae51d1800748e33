import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Digest } from "../oci/digest.ts";
import type { SnapshotForm, Store } from "../store/store.ts";
import type { LayerBlob, Packing, SnapshotId } from "../worker/protocol.ts";
import type { StepKey } from "./keys.ts";

/** What is remembered of a step that was executed. */
export interface StepRecord {
  /** Its snapshot: the key itself, unless the step was forced to run again (`--no-cache`). */
  readonly id: SnapshotId;
  /** Milliseconds since the epoch: the time of its history entry. */
  readonly created: number;
  /**
   * What the keys of steps that stand on this one are made of, where it is not this one's key: a step that was
   * forced to run again begins another generation, one that had to as its result was lost does not.
   */
  readonly generation?: string | undefined;
}

const FORMS: readonly SnapshotForm[] = ["plain", "kept"];

/**
 * What the store knows of results: step key to snapshot, snapshot to packed layers, selections to
 * content digests. Every answer is checked against what is on disk, so that a record without its
 * blob or directory is a miss and never an error.
 */
export class Results {
  readonly #store: Store;
  readonly #bootId: string;
  readonly #form: () => SnapshotForm | undefined;

  /** `form` is the worker's, undefined while none has been started: then a snapshot of either counts. */
  constructor(store: Store, bootId: string, form: () => SnapshotForm | undefined) {
    this.#store = store;
    this.#bootId = bootId;
    this.#form = form;
  }

  step(key: StepKey): StepRecord | undefined {
    return this.#store.records.table<StepRecord>("steps").get(key);
  }

  putStep(key: StepKey, record: StepRecord): void {
    this.#store.records.table<StepRecord>("steps").put(key, record);
  }

  /** Whether it is known which form of snapshots counts. */
  get knowsForm(): boolean {
    return this.#form() !== undefined;
  }

  /**
   * True where the extracted directory is there and was written since the machine came up. Snapshots
   * are not synced to disk (blobs are): after a power loss an older one may hold empty files, so it is
   * made again from its blob or by its step.
   */
  hasSnapshot(id: SnapshotId): boolean {
    const form = this.#form();
    const forms = form === undefined ? FORMS : [form];
    return forms.some((one) => this.#isWhole(this.#store.snapshotDirectory(id, one)));
  }

  #isWhole(directory: string): boolean {
    try {
      return readFileSync(join(directory, "boot"), "latin1") === this.#bootId;
    } catch {
      // Absent or unreadable: both mean that there is no snapshot to use.
      return false;
    }
  }

  /** What the store has of a result in any form, for those who explain why it does not do. */
  remains(id: SnapshotId): "snapshot" | "layer" | "nothing" {
    if (FORMS.some((one) => this.#isWhole(this.#store.snapshotDirectory(id, one)))) return "snapshot";
    const rows = this.#store.records.table<LayerBlob>("layers").entries();
    const isThere = rows.some(
      ({ key, value }) => key.startsWith(`${id}|`) && this.#store.blobs.has(value.digest, value.size),
    );
    return isThere ? "layer" : "nothing";
  }

  layer(id: SnapshotId, packing: Packing): LayerBlob | undefined {
    const blob = this.#store.records.table<LayerBlob>("layers").get(layerRow(id, packing));
    return blob !== undefined && this.#store.blobs.has(blob.digest, blob.size) ? blob : undefined;
  }

  putLayer(id: SnapshotId, packing: Packing, blob: LayerBlob): void {
    this.#store.records.table<LayerBlob>("layers").put(layerRow(id, packing), blob);
  }

  hasIndex(diffId: Digest): boolean {
    return existsSync(this.#store.indexPath(diffId));
  }

  /** Whether an indexed layer holds symbolic links. */
  async hasLinks(diffId: Digest): Promise<boolean> {
    const { decodeLayerIndex } = await import("../layer/layer-index.ts");
    const index = decodeLayerIndex(readFileSync(this.#store.indexPath(diffId)));
    return index.entries.some((entry) => entry.type === "symlink");
  }

  selection(name: string): Digest | undefined {
    return this.#store.records.table<Digest>("selections").get(name);
  }

  putSelection(name: string, content: Digest): void {
    this.#store.records.table<Digest>("selections").put(name, content);
  }
}

/** Names a layer by what it is made of and how it is written. */
export function layerRow(id: string, packing: Packing): string {
  const { compression, level, format, epoch } = packing;
  return `${id}|${format}|${compression}|${level ?? ""}|${epoch ?? ""}`;
}
