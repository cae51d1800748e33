import { randomBytes } from "node:crypto";
import { Semaphore } from "../base/concurrency.ts";
import { assertNever } from "../base/errors.ts";
import { chainIds } from "../oci/chain-id.ts";
import { digestHex, type Digest } from "../oci/digest.ts";
import type { Worker } from "../worker/spawn.ts";
import type {
  BaseTree,
  Chain,
  CopySelection,
  CopySource,
  LayerBlob,
  Packing,
  ResultForm,
  SnapshotId,
  WorkerRequest,
  WorkerResults,
} from "../worker/protocol.ts";
import { contentDigest } from "../snapshot/content-digest.ts";
import { emptyTree } from "../snapshot/empty-tree.ts";
import { chainOf, stepOf, type Link } from "./chain.ts";
import { selectionFields } from "./graph.ts";
import { stepKey } from "./keys.ts";
import { mountChains, prepareMounts, type PrivateInputs } from "./run-mounts.ts";
import { isClearOfBase } from "./lazy-base.ts";
import type { StepReporter } from "./reporter.ts";
import type { Results, StepRecord } from "./results.ts";
import { StepKeys, type Selection } from "./step-keys.ts";
import type { CopyStep, Graph, ImageStep, MakeDirectoryStep, RunStep, StepId } from "./types.ts";
import type { SlotBook } from "./why.ts";

export interface EngineOptions {
  readonly graph: Graph;
  readonly results: Results;
  readonly reporter: StepReporter;
  readonly slots: SlotBook;
  readonly packing: Packing;
  /** Steps that run at the same time. */
  readonly parallelism: number;
  /** Execute every step, whatever is known of it. */
  readonly noCache: boolean;
  readonly signal: AbortSignal;
  /** File of CA certificates that RUNs trust beside the image's own, for the run only; asked for by the first RUN. */
  hostCa(): string | undefined;
  /** Directory of Go's build cache for a RUN that can use one. */
  goCache(step: RunStep): string | undefined;
  /** Starts the worker on first use; a build that needs none starts none. */
  worker(): Promise<Worker>;
  /** Brings a base's layer into the store, verified. */
  fetchLayer(image: ImageStep, index: number): Promise<LayerBlob>;
  /** What RUN --mount may be given of this machine. */
  readonly private: PrivateInputs;
  /** Digests what a COPY selects from the build context. */
  selectContext(selection: CopySelection, directory: string, ignore: readonly string[]): Promise<Selection>;
}

/** One layer of a finished image: a blob in the store, or a base's that stays in its registry. */
export type ImageLayer =
  | { readonly kind: "made"; readonly blob: LayerBlob; readonly step: StepId; readonly created: number }
  | { readonly kind: "base"; readonly image: ImageStep; readonly index: number };

/**
 * Walks the graph from what is wanted: a layer or a snapshot of some step. Nothing is done that this
 * does not need, and nothing twice: key -> record -> execute, each step once, independent ones in parallel.
 */
export class Engine {
  readonly #o: EngineOptions;
  readonly #keys: StepKeys;
  readonly #records = new Map<StepId, Promise<StepRecord>>();
  readonly #snapshots = new Map<StepId, Promise<Chain>>();
  readonly #layers = new Map<StepId, Promise<LayerBlob>>();
  readonly #places: Semaphore;

  constructor(options: EngineOptions) {
    this.#o = options;
    this.#keys = new StepKeys(options.graph, (id, from, selection) =>
      this.#select(from, selection).catch((cause: unknown) => {
        throw options.reporter.positioned(id, cause);
      }),
    );
    this.#places = new Semaphore(options.parallelism);
  }

  /** The layers of an image whose file system is `root`'s. */
  async layers(root: StepId): Promise<readonly ImageLayer[]> {
    const links = chainOf(this.#o.graph, root);
    // A chain with a RUN in it is extracted anyway: packing its snapshots is then cheaper than making layers apart.
    if (await this.#mustRun(links)) await this.snapshot(root);
    return Promise.all(links.map((link) => this.#imageLayer(link)));
  }

  /** The extracted chain of `id`, made where it is not in the store. */
  snapshot(id: StepId): Promise<Chain> {
    return once(this.#snapshots, id, () => this.#extractChain(id));
  }

  async #extractChain(id: StepId): Promise<Chain> {
    const step = stepOf(this.#o.graph, id);
    switch (step.kind) {
      case "scratch":
        return [];
      case "context":
        throw new Error("a build context has no snapshot");
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
    const ids = chainIds(image.diffIds).map(digestHex);
    const missing = ids
      .map((snapshot, index) => ({ snapshot, index }))
      .filter((layer) => !this.#o.results.hasSnapshot(layer.snapshot));
    if (missing.length === 0) return ids;
    await this.#o.reporter.execute(id, "base image is not extracted", async () => {
      const blobs = missing.map((layer) => this.#o.fetchLayer(image, layer.index));
      for (const blob of blobs) blob.catch(() => {}); // Awaited below, in order; the first failure is the one thrown.
      for (const [at, { snapshot, index }] of missing.entries()) {
        const layer = await blobs[at];
        if (layer === undefined) continue;
        await this.#request({ op: "extract", layer, parents: ids.slice(0, index), id: snapshot });
      }
    });
    return ids;
  }

  async #extractStep(id: StepId, step: CopyStep | MakeDirectoryStep | RunStep): Promise<Chain> {
    const { id: snapshot } = await this.#record(id);
    const parents = await this.snapshot(step.base);
    if (this.#o.results.hasSnapshot(snapshot)) {
      this.#o.reporter.hit(id, "result in the store");
      return [...parents, snapshot];
    }
    const layer = this.#o.results.layer(snapshot, this.#o.packing);
    if (layer !== undefined) {
      await this.#request({ op: "extract", layer, parents, id: snapshot });
      this.#o.reporter.hit(id, "layer in the store");
      return [...parents, snapshot];
    }
    const work = { id: snapshot, base: { kind: "chain", chain: parents }, result: { kind: "snapshot" } } as const;
    switch (step.kind) {
      case "run":
        await this.#run(id, step, snapshot, parents);
        break;
      case "copy":
        await this.#copy(id, step, work);
        break;
      case "mkdir":
        await this.#makeDirectory(id, step, work);
        break;
      default:
        assertNever(step);
    }
    return [...parents, snapshot];
  }

  async #imageLayer(link: Link): Promise<ImageLayer> {
    if (link.kind === "base") return { kind: "base", image: link.image, index: link.index };
    const blob = await this.#layer(link.id);
    const { created } = await this.#record(link.id);
    return { kind: "made", blob, step: link.id, created };
  }

  #layer(id: StepId): Promise<LayerBlob> {
    return once(this.#layers, id, () => this.#packStep(id));
  }

  async #packStep(id: StepId): Promise<LayerBlob> {
    const { results, packing, reporter } = this.#o;
    const { id: snapshot } = await this.#record(id);
    const step = stepOf(this.#o.graph, id);
    const linked = this.#o.noCache ? undefined : await this.#keys.linkedName(id);
    const known =
      results.layer(snapshot, packing) ?? (linked === undefined ? undefined : results.layer(linked, packing));
    if (known !== undefined) {
      reporter.hit(id, "layer in the store");
      return known;
    }
    const blob = (await this.#layerAlone(id, step, snapshot)) ?? (await this.#packSnapshot(id, snapshot));
    results.putLayer(snapshot, packing, blob);
    if (linked !== undefined) results.putLayer(linked, packing, blob);
    return blob;
  }

  /** A file operation's layer, without extracting what it stands on; undefined where that is at hand or needed anyway. */
  async #layerAlone(id: StepId, step: ReturnType<typeof stepOf>, snapshot: SnapshotId): Promise<LayerBlob | undefined> {
    if (step.kind !== "copy" && step.kind !== "mkdir") return undefined;
    if (step.kind === "copy" && step.link === true) {
      return this.#copy(id, step, {
        id: snapshot,
        base: { kind: "absent" },
        result: { kind: "layer", packing: this.#o.packing },
      });
    }
    if (this.#snapshots.has(id) || this.#o.results.hasSnapshot(snapshot)) return undefined;
    if (
      chainOf(this.#o.graph, step.base).some(
        (link) => link.kind === "step" && stepOf(this.#o.graph, link.id).kind === "run",
      )
    ) {
      return undefined;
    }
    const work: FileWork = {
      id: snapshot,
      base: await this.#baseTree(step),
      result: { kind: "layer", packing: this.#o.packing },
    };
    return step.kind === "copy" ? this.#copy(id, step, work) : this.#makeDirectory(id, step, work);
  }

  async #packSnapshot(id: StepId, snapshot: SnapshotId): Promise<LayerBlob> {
    const chain = await this.snapshot(id);
    const { layer } = await this.#request({
      op: "pack",
      id: snapshot,
      parents: chain.slice(0, -1),
      packing: this.#o.packing,
    });
    return layer;
  }

  /** What a file operation must know of the file system below it, read no further than it matters. */
  async #baseTree(step: CopyStep | MakeDirectoryStep): Promise<BaseTree> {
    const links = chainOf(this.#o.graph, step.base);
    const own: Digest[] = [];
    for (const link of links) {
      if (link.kind === "step") own.push(await this.#indexed(await this.#layer(link.id)));
    }
    const image = links.find((link) => link.kind === "base")?.image;
    const destination = step.kind === "copy" ? step.destination : step.path;
    const needsNames = step.owner !== undefined && !/^\d+(:\d+)?$/.test(step.owner);
    if (image === undefined || (!needsNames && isClearOfBase(destination, image))) {
      return own.length === 0 ? { kind: "absent" } : { kind: "indexes", diffIds: own };
    }
    const ids = chainIds(image.diffIds).map(digestHex);
    if (own.length === 0 && ids.every((snapshot) => this.#o.results.hasSnapshot(snapshot)))
      return { kind: "chain", chain: ids };
    const base = await Promise.all(
      image.diffIds.map(async (diffId, index) =>
        this.#o.results.hasIndex(diffId) ? diffId : this.#indexed(await this.#o.fetchLayer(image, index)),
      ),
    );
    return { kind: "indexes", diffIds: [...base, ...own] };
  }

  async #indexed(layer: LayerBlob): Promise<Digest> {
    if (!this.#o.results.hasIndex(layer.diffId)) await this.#request({ op: "index", layer });
    return layer.diffId;
  }

  async #run(id: StepId, step: RunStep, snapshot: SnapshotId, parents: Chain): Promise<void> {
    const { kind: op, base: _base, env, hiddenEnv, mounts = [], ...what } = step;
    const request = {
      op,
      ...what,
      parents,
      id: snapshot,
      env: [...env, ...hiddenEnv],
      hostCa: this.#o.hostCa(),
      goCache: this.#o.goCache(step),
    } as const;
    const chains = await mountChains(mounts, {
      snapshot: (from) => this.snapshot(from),
      identity: (from) => this.#identity(from),
    });
    await this.#execute(id, async () => {
      const prepared = await prepareMounts(mounts, chains, this.#o.private);
      return this.#request({ ...request, mounts: prepared }, (stream, data) =>
        this.#o.reporter.output(id, stream, data),
      );
    });
  }

  async #copy(id: StepId, step: CopyStep, work: FileWork): Promise<LayerBlob | undefined> {
    const { kind: op, base: _base, from: _from, ...what } = step;
    const [source, expect] = await Promise.all([this.#source(step.from), this.#content(id)]);
    const request = { op, ...what, source, expect, mtime: this.#madeTime(), ...work } as const;
    return (await this.#execute(id, () => this.#request(request))).layer;
  }

  async #makeDirectory(id: StepId, step: MakeDirectoryStep, work: FileWork): Promise<LayerBlob | undefined> {
    const { path, owner } = step;
    const mtime = this.#madeTime();
    return (await this.#execute(id, () => this.#request({ op: "mkdir", path, owner, mtime, ...work }))).layer;
  }

  /** Of what comes from no file, nanoseconds: the same in every build. */
  #madeTime(): string {
    return `${this.#o.packing.epoch ?? 0}000000000`;
  }

  async #source(id: StepId): Promise<CopySource> {
    const from = stepOf(this.#o.graph, id);
    if (from.kind === "context") return { kind: "context", directory: from.directory, ignore: from.ignore };
    return { kind: "chain", chain: await this.snapshot(id) };
  }

  async #content(id: StepId): Promise<Digest> {
    await this.#keys.key(id);
    return this.#keys.slot(id).fields.find(([name]) => name === "content")?.[1] as Digest;
  }

  /** What a COPY takes: of the context by reading it, of another stage by what was found there before. */
  async #select(id: StepId, selection: CopySelection): Promise<Selection> {
    const from = stepOf(this.#o.graph, id);
    const { paths, parents, excludes } = selection;
    if (paths.length === 0) return { content: contentDigest(emptyTree, []) };
    if (from.kind === "context") return this.#o.selectContext(selection, from.directory, from.ignore);
    const name = stepKey("select", [
      ["from", await this.#identity(id)],
      ["paths", paths],
      ...selectionFields(selection),
    ]);
    const known = this.#o.results.selection(name);
    if (known !== undefined) return { content: known };
    const source = await this.#source(id);
    const { content } = await this.#request({ op: "select", source, paths, parents, excludes });
    this.#o.results.putSelection(name, content);
    return { content };
  }

  /** Names the very result that will be read: of a step that was forced to run again, the new one. */
  async #identity(id: StepId): Promise<string> {
    const kind = stepOf(this.#o.graph, id).kind;
    return kind === "image" || kind === "scratch" ? this.#keys.key(id) : (await this.#record(id)).id;
  }

  /** The record of a step: the one in the store, or a new one that execution will make true. */
  #record(id: StepId): Promise<StepRecord> {
    return once(this.#records, id, async () => {
      const key = await this.#keys.key(id);
      const known = this.#o.results.step(key);
      if (this.#o.noCache) return { id: randomBytes(32).toString("hex"), created: Date.now() };
      if (known !== undefined && this.#available(known)) return known;
      return { id: known?.id ?? key, created: Date.now() };
    });
  }

  #available(record: StepRecord): boolean {
    return this.#o.results.hasSnapshot(record.id) || this.#o.results.layer(record.id, this.#o.packing) !== undefined;
  }

  async #mustRun(links: readonly Link[]): Promise<boolean> {
    for (const link of links) {
      if (link.kind !== "step" || stepOf(this.#o.graph, link.id).kind !== "run") continue;
      const record = await this.#record(link.id);
      if (this.#o.results.layer(record.id, this.#o.packing) === undefined) return true;
    }
    return false;
  }

  /** Runs a prepared request: nothing is awaited in `body` that needs a place itself. */
  async #execute<T>(id: StepId, body: () => Promise<T>): Promise<T> {
    const key = await this.#keys.key(id);
    const record = await this.#record(id);
    const reason = this.#o.noCache ? "--no-cache" : this.#o.slots.miss(this.#place(id), this.#keys.slot(id));
    const result = await this.#places.use(this.#o.signal, () => this.#o.reporter.execute(id, reason, body));
    this.#o.results.putStep(key, record);
    return result;
  }

  #place(id: StepId): string {
    const { stage, platforms, text } = this.#o.reporter.name(id);
    return `${stage || text}|${platforms.join(",")}`;
  }

  async #request<R extends WorkerRequest>(
    request: R,
    onOutput?: (stream: "stdout" | "stderr", data: Uint8Array) => void,
  ): Promise<WorkerResults[R["op"]]> {
    const worker = await this.#o.worker();
    return worker.request(request, { signal: this.#o.signal, ...(onOutput && { onOutput }) });
  }
}

/** Where a file operation works and what it leaves. */
interface FileWork {
  readonly id: SnapshotId;
  readonly base: BaseTree;
  readonly result: ResultForm;
}

/** The promise of `key`, made once. Its failure belongs to those who await it. */
function once<K, V>(promises: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  let promise = promises.get(key);
  if (promise === undefined) {
    promise = make();
    promise.catch(() => {});
    promises.set(key, promise);
  }
  return promise;
}
