import type { LayerBlob, Packing, SnapshotId } from "../worker/protocol.ts";
import { once } from "./once.ts";
import { layerRow, type Results } from "./results.ts";

/** Layers in other forms than the build's own, each made once of that one. */
export class LayerForms {
  readonly #results: Results;
  readonly #made = new Map<string, Promise<LayerBlob>>();

  constructor(results: Results) {
    this.#results = results;
  }

  /** The layer of `snapshot` in the form `packing`: what is known, else what `repack` makes. */
  of(snapshot: SnapshotId, packing: Packing, repack: () => Promise<LayerBlob>): Promise<LayerBlob> {
    return once(this.#made, layerRow(snapshot, packing), async () => {
      const known = this.#results.layer(snapshot, packing);
      if (known !== undefined) return known;
      const layer = await repack();
      this.#results.putLayer(snapshot, packing, layer);
      return layer;
    });
  }

  /** What is under way or done. */
  all(): readonly Promise<LayerBlob>[] {
    return [...this.#made.values()];
  }
}
