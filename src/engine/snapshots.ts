import { assertNever } from "../base/errors.ts";
import { chainIds } from "../oci/chain-id.ts";
import { digestHex } from "../oci/digest.ts";
import { snapshotMissing } from "../store/errors.ts";
import type { Chain, SnapshotId } from "../worker/protocol.ts";
import { stepOf } from "./chain.ts";
import { once } from "./once.ts";
import type { Parts } from "./parts.ts";
import type { StepWork } from "./step-work.ts";
import type { CopyStep, ImageStep, MakeDirectoryStep, RunStep, StepId } from "./types.ts";

/** The extracted file systems of steps, made where they are not in the store. */
export class Snapshots {
  readonly #parts: Parts;
  readonly #work: StepWork;
  readonly #chains = new Map<StepId, Promise<Chain>>();

  constructor(parts: Parts, work: StepWork) {
    this.#parts = parts;
    this.#work = work;
  }

  /** All that was begun. */
  get pending(): readonly Promise<unknown>[] {
    return [...this.#chains.values()];
  }

  has(id: StepId): boolean {
    return this.#chains.has(id);
  }

  of(id: StepId): Promise<Chain> {
    return once(this.#chains, id, () => this.#extract(id));
  }

  async #extract(id: StepId): Promise<Chain> {
    const step = stepOf(this.#parts.options.graph, id);
    switch (step.kind) {
      case "scratch":
        return [];
      case "context":
      case "file":
      case "http":
      case "git":
        throw new Error("files to be copied have no snapshot");
      case "image":
        return this.#extractImage(id, step);
      case "copy":
      case "mkdir":
      case "run":
        return this.#extractStep(id, step);
      default:
        return assertNever(step);
    }
  }

  async #extractImage(id: StepId, image: ImageStep): Promise<Chain> {
    const { options, calls, fetch } = this.#parts;
    const ids = chainIds(image.diffIds).map(digestHex);
    const missing: [index: number, snapshot: SnapshotId][] = [];
    for (const entry of ids.entries()) if (!(await calls.hasSnapshot(entry[1]))) missing.push(entry);
    if (missing.length === 0) return ids;
    calls.warm();
    await options.reporter.execute(id, "base image is not extracted", async () => {
      const blobs = missing.map(([index]) => fetch(image, index));
      for (const [at, [index, snapshot]] of missing.entries()) {
        const layer = await blobs[at];
        if (layer === undefined) continue;
        // Of a large base it takes longer than the download, and nothing else shows that it goes on.
        const work = { op: "extract", layer, parents: ids.slice(0, index), id: snapshot } as const;
        await options.reporter.layer(id, "extract", () => calls.chore(work));
      }
    });
    return ids;
  }

  async #extractStep(id: StepId, step: CopyStep | MakeDirectoryStep | RunStep): Promise<Chain> {
    const { id: snapshot, isThere } = await this.#parts.records.record(id);
    const parents = await this.of(step.base);
    await this.#parts.layerAlone(id);
    if (!(await this.#isFound(id, snapshot, parents))) {
      // What a step leaves this time need not be what goes by that name: the build begins again with another one.
      if (isThere) throw snapshotMissing(snapshot);
      await this.#make(id, step, snapshot, parents);
    }
    return [...parents, snapshot];
  }

  /** Whether the store has the snapshot, or its layer: then it is extracted again. */
  async #isFound(id: StepId, snapshot: SnapshotId, parents: Chain): Promise<boolean> {
    const { options, records, calls } = this.#parts;
    if (await calls.hasSnapshot(snapshot)) {
      await records.hit(id, "result in the store");
      return true;
    }
    const layer = options.results.layer(snapshot, options.packing);
    if (layer === undefined) return false;
    const extract = { op: "extract", layer, parents, id: snapshot } as const;
    await options.reporter.layer(id, "extract", () => calls.chore(extract));
    await records.hit(id, "layer in the store");
    return true;
  }

  async #make(
    id: StepId,
    step: CopyStep | MakeDirectoryStep | RunStep,
    snapshot: SnapshotId,
    parents: Chain,
  ): Promise<void> {
    const work = { id: snapshot, base: { kind: "chain", chain: parents }, result: { kind: "snapshot" } } as const;
    switch (step.kind) {
      case "run":
        return this.#work.run(id, step, snapshot, parents);
      case "copy":
        await this.#work.copy(id, step, work);
        return;
      case "mkdir":
        await this.#work.makeDirectory(id, step, work);
        return;
      default:
        assertNever(step);
    }
  }
}
