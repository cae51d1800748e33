import type { Chain, LayerBlob, Packing } from "../worker/protocol.ts";
import { chainOf, stepOf, type Link } from "./chain.ts";
import { FileSources } from "./file-sources.ts";
import { Layers } from "./layers.ts";
import { once } from "./once.ts";
import type { EngineOptions } from "./options.ts";
import type { Parts } from "./parts.ts";
import { Selections } from "./selections.ts";
import { Snapshots } from "./snapshots.ts";
import { StepKeys } from "./step-keys.ts";
import { StepRecords } from "./step-records.ts";
import { StepWork } from "./step-work.ts";
import type { ImageStep, StepId } from "./types.ts";
import { WorkerCalls } from "./worker-calls.ts";

/** One layer of a finished image: a blob in the store, or a base's that stays in its registry. */
export type ImageLayer =
  | { readonly kind: "made"; readonly blob: LayerBlob; readonly step: StepId; readonly created: number }
  | { readonly kind: "base"; readonly image: ImageStep; readonly index: number; readonly blob?: LayerBlob };

/**
 * Walks the graph from what is wanted: a layer or a snapshot of some step. Nothing is done that this
 * does not need, and nothing twice: key -> record -> execute, each step once, independent ones in parallel.
 */
export class Engine {
  readonly #o: EngineOptions;
  readonly #records: StepRecords;
  readonly #files: FileSources;
  readonly #selections: Selections;
  readonly #snapshots: Snapshots;
  readonly #layers: Layers;
  readonly #fetches = new Map<string, Promise<LayerBlob>>();

  constructor(options: EngineOptions) {
    this.#o = options;
    const keys = new StepKeys(options.graph, {
      select: (id, from, selection) => this.#selections.forStep(id, from, selection),
      generation: (id) => this.#records.generation(id),
    });
    const calls = new WorkerCalls(options);
    this.#records = new StepRecords(options, keys, calls);
    this.#files = new FileSources(options, calls);
    const parts: Parts = {
      ...{ options, keys, records: this.#records, calls, files: this.#files },
      snapshot: (id) => this.#snapshots.of(id),
      isExtracted: (id) => this.#snapshots.has(id),
      layer: (id) => this.#layers.of(id),
      layerAlone: (id) => this.#layers.alone(id),
      fetch: (image, index) => this.#fetch(image, index),
    };
    this.#selections = new Selections(parts);
    const work = new StepWork(parts, this.#selections);
    this.#snapshots = new Snapshots(parts, work);
    this.#layers = new Layers(parts, work);
  }

  /** The layers of an image whose file system is `root`'s, packed as the options say or in another form. */
  async layers(root: StepId, packing = this.#o.packing): Promise<readonly ImageLayer[]> {
    const links = chainOf(this.#o.graph, root);
    // A chain with a RUN in it is extracted anyway: packing its snapshots is then cheaper than making layers apart.
    if (await this.#mustRun(links)) await this.snapshot(root);
    return Promise.all(links.map((link) => this.#imageLayer(link, packing)));
  }

  /** Rejects where a build context lacks what a step copies, which keys would find when what is before it has run. */
  checkContexts(): Promise<void> {
    return this.#selections.ofContexts();
  }

  /** The extracted chain of `id`, made where it is not in the store. */
  snapshot(id: StepId): Promise<Chain> {
    return this.#snapshots.of(id);
  }

  /** Waits, after the signal was aborted, until nothing of what was begun is under way. */
  async settled(): Promise<void> {
    const all = (): readonly Promise<unknown>[] => [
      ...[this.#snapshots, this.#layers, this.#selections, this.#files].flatMap(({ pending }) => pending),
      ...this.#fetches.values(),
    ];
    for (let seen = -1; seen !== all().length;) {
      seen = all().length;
      await Promise.allSettled(all());
    }
  }

  async #mustRun(links: readonly Link[]): Promise<boolean> {
    for (const link of links) {
      if (link.kind !== "step" || stepOf(this.#o.graph, link.id).kind !== "run") continue;
      const record = await this.#records.record(link.id);
      if (this.#o.results.layer(record.id, this.#o.packing) === undefined) return true;
    }
    return false;
  }

  async #imageLayer(link: Link, packing: Packing): Promise<ImageLayer> {
    if (link.kind === "base") return { kind: "base", image: link.image, index: link.index };
    const blob = await this.#layers.as(link.id, packing);
    const { created } = await this.#records.record(link.id);
    return { kind: "made", blob, step: link.id, created };
  }

  #fetch(image: ImageStep, index: number): Promise<LayerBlob> {
    return once(this.#fetches, image.diffIds[index] ?? "", () => this.#o.fetchLayer(image, index));
  }
}
