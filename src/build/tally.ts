import type { Transfer } from "../base/transfer.ts";

/** Counts what moved between registries and here, for the closing line. */
export class Tally {
  layersPushed = 0;
  layersSkipped = 0;
  bytesPushed = 0;
  bytesPulled = 0;

  count({ direction, what, state, total }: Transfer): void {
    if (state.kind === "done") {
      if (direction === "pull") this.bytesPulled += total ?? 0;
      else this.bytesPushed += total ?? 0;
      if (direction === "push" && what === "layer") this.layersPushed++;
    } else if (state.kind === "skipped" && direction === "push" && what === "layer") this.layersSkipped++;
  }
}
