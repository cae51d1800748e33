import type { BaseTree, LayerBlob, Packing, SnapshotId } from "../worker/protocol.ts";
import { baseTreeOf } from "./base-tree.ts";
import { chainOf, stepOf } from "./chain.ts";
import { LayerForms } from "./layer-forms.ts";
import { once } from "./once.ts";
import type { Parts } from "./parts.ts";
import type { FileWork, StepWork } from "./step-work.ts";
import type { Step, StepId } from "./types.ts";

/** The packed layers of steps: each in the build's own form, and in others that are asked for. */
export class Layers {
  readonly #parts: Parts;
  readonly #work: StepWork;
  readonly #layers = new Map<StepId, Promise<LayerBlob>>();
  readonly #alone = new Map<StepId, Promise<LayerBlob | undefined>>();
  readonly #forms: LayerForms;

  constructor(parts: Parts, work: StepWork) {
    this.#parts = parts;
    this.#work = work;
    this.#forms = new LayerForms(parts.options.results);
  }

  /** All that was begun. */
  get pending(): readonly Promise<unknown>[] {
    return [...this.#layers.values(), ...this.#alone.values(), ...this.#forms.all()];
  }

  /** That of a file operation that is being made without a snapshot. */
  alone(id: StepId): Promise<LayerBlob | undefined> | undefined {
    return this.#alone.get(id);
  }

  of(id: StepId): Promise<LayerBlob> {
    return once(this.#layers, id, () => this.#pack(id));
  }

  async as(id: StepId, packing: Packing): Promise<LayerBlob> {
    const { options, records, calls } = this.#parts;
    const layer = await this.of(id);
    if (packing === options.packing) return layer;
    const { id: snapshot } = await records.record(id);
    const exact = packing.epoch === options.packing.epoch;
    const request = { op: "repack", layer, packing, exact } as const;
    const repack = async (): Promise<LayerBlob> => (await calls.chore(request)).layer;
    return this.#forms.of(snapshot, packing, () => options.reporter.layer(id, "pack", repack));
  }

  async #pack(id: StepId): Promise<LayerBlob> {
    const { options, records, keys } = this.#parts;
    const { results, packing } = options;
    const { id: snapshot } = await records.record(id);
    const linked = records.isForced(id) ? undefined : await keys.linkedName(id);
    const known =
      results.layer(snapshot, packing) ?? (linked === undefined ? undefined : results.layer(linked, packing));
    if (known !== undefined) {
      await records.hit(id, "layer in the store");
      return known;
    }
    const step = stepOf(options.graph, id);
    const blob = (await this.#makeAlone(id, step, snapshot)) ?? (await this.#packSnapshot(id, snapshot));
    results.putLayer(snapshot, packing, blob);
    if (linked !== undefined) results.putLayer(linked, packing, blob);
    return blob;
  }

  /** A file operation's layer, without extracting what it stands on; undefined where that is at hand or needed anyway. */
  async #makeAlone(id: StepId, step: Step, snapshot: SnapshotId): Promise<LayerBlob | undefined> {
    if (step.kind !== "copy" && step.kind !== "mkdir") return undefined;
    const { options, calls } = this.#parts;
    const { results, packing } = options;
    const isLinked = step.kind === "copy" && step.link === true;
    // Asked in this order: the first may take a while, in which the second can come true.
    const isAtHand = (await calls.hasSnapshot(snapshot)) || this.#parts.isExtracted(id);
    // A linked layer is made apart even so: it holds what an extracted one has below it already.
    if (!isLinked && (isAtHand || this.#standsOnRun(step.base))) return undefined;
    return once(this.#alone, id, async () => {
      const base: BaseTree = isLinked ? { kind: "absent" } : await baseTreeOf(step, this.#parts);
      const work: FileWork = { id: snapshot, base, result: { kind: "layer", packing } };
      const blob = await (step.kind === "copy"
        ? this.#work.copy(id, step, work)
        : this.#work.makeDirectory(id, step, work));
      if (blob !== undefined) results.putLayer(snapshot, packing, blob);
      return blob;
    });
  }

  #standsOnRun(id: StepId): boolean {
    const { graph } = this.#parts.options;
    return chainOf(graph, id).some((link) => link.kind === "step" && stepOf(graph, link.id).kind === "run");
  }

  async #packSnapshot(id: StepId, snapshot: SnapshotId): Promise<LayerBlob> {
    const { options, calls } = this.#parts;
    const chain = await this.#parts.snapshot(id);
    const request = { op: "pack", id: snapshot, parents: chain.slice(0, -1), packing: options.packing } as const;
    return (await options.reporter.layer(id, "pack", () => calls.chore(request))).layer;
  }
}
