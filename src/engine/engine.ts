import { Semaphore } from "../base/concurrency.ts";
import { assertNever } from "../base/errors.ts";
import { chainIds } from "../oci/chain-id.ts";
import { digestHex, type Digest } from "../oci/digest.ts";
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
import { chainOf, isFiles, stepOf, type Link } from "./chain.ts";
import { FileSources, moreCopied } from "./file-sources.ts";
import { mountChains, prepareMounts } from "./run-mounts.ts";
import { LayerForms } from "./layer-forms.ts";
import { isClearOfBase } from "./lazy-base.ts";
import { OutputTail, checkMachines, missingCrossed } from "./cross.ts";
import { once } from "./once.ts";
import type { EngineOptions } from "./options.ts";
import { selectionName } from "./selection-name.ts";
import { resultChanged, StepRecords } from "./step-records.ts";
import { StepKeys, type Selection } from "./step-keys.ts";
import type { CopyStep, ImageStep, MakeDirectoryStep, RunStep, StepId } from "./types.ts";

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
  readonly #keys: StepKeys;
  readonly #records: StepRecords;
  readonly #snapshots = new Map<StepId, Promise<Chain>>();
  readonly #layers = new Map<StepId, Promise<LayerBlob>>();
  readonly #forms: LayerForms;
  /** Layers of file operations that are being made without a snapshot. */
  readonly #alone = new Map<StepId, Promise<LayerBlob | undefined>>();
  readonly #selections = new Map<string, Promise<Selection>>();
  readonly #fetches = new Map<string, Promise<LayerBlob>>();
  readonly #files: FileSources;
  readonly #places: Semaphore;
  /** What prepares a step or follows it: bounded apart, so that it waits for no long RUN. */
  readonly #chores: Semaphore;

  constructor(options: EngineOptions) {
    this.#o = options;
    this.#keys = new StepKeys(options.graph, {
      select: (id, from, selection) =>
        this.#select(from, selection).catch((cause: unknown) => {
          throw missingCrossed(stepOf(options.graph, id), options.reporter.positioned(id, cause));
        }),
      generation: (id) => this.#records.generation(id),
    });
    this.#records = new StepRecords(options, this.#keys);
    this.#forms = new LayerForms(options.results);
    this.#files = new FileSources(options, (request) => this.#chore(request));
    this.#places = new Semaphore(options.parallelism);
    this.#chores = new Semaphore(options.parallelism);
  }

  /** The layers of an image whose file system is `root`'s, packed as the options say or in another form. */
  async layers(root: StepId, packing = this.#o.packing): Promise<readonly ImageLayer[]> {
    const links = chainOf(this.#o.graph, root);
    // A chain with a RUN in it is extracted anyway: packing its snapshots is then cheaper than making layers apart.
    if (await this.#mustRun(links)) await this.snapshot(root);
    return Promise.all(links.map((link) => this.#imageLayer(link, packing)));
  }

  /** The extracted chain of `id`, made where it is not in the store. */
  snapshot(id: StepId): Promise<Chain> {
    return once(this.#snapshots, id, () => this.#extractChain(id));
  }

  /** Waits, after the signal was aborted, until nothing of what was begun is under way. */
  async settled(): Promise<void> {
    const all = (): readonly Promise<unknown>[] =>
      [this.#snapshots, this.#layers, this.#alone, this.#selections, this.#fetches]
        .flatMap((map): Promise<unknown>[] => [...map.values()])
        .concat(this.#forms.all(), this.#files.pending);
    for (let seen = -1; seen !== all().length;) {
      seen = all().length;
      await Promise.allSettled(all());
    }
  }

  async #extractChain(id: StepId): Promise<Chain> {
    const step = stepOf(this.#o.graph, id);
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
    const ids = chainIds(image.diffIds).map(digestHex);
    const missing = [...ids.entries()].filter(([, snapshot]) => !this.#o.results.hasSnapshot(snapshot));
    if (missing.length === 0) return ids;
    await this.#o.reporter.execute(id, "base image is not extracted", async () => {
      const blobs = missing.map(([index]) => this.#fetch(image, index));
      for (const [at, [index, snapshot]] of missing.entries()) {
        const layer = await blobs[at];
        if (layer === undefined) continue;
        // Of a large base it takes longer than the download, and nothing else shows that it goes on.
        const work = { op: "extract", layer, parents: ids.slice(0, index), id: snapshot } as const;
        await this.#o.reporter.layer(id, "extract", () => this.#chore(work));
      }
    });
    return ids;
  }

  async #extractStep(id: StepId, step: CopyStep | MakeDirectoryStep | RunStep): Promise<Chain> {
    const { id: snapshot } = await this.#records.record(id);
    const parents = await this.snapshot(step.base);
    await this.#alone.get(id);
    const { results, reporter, packing } = this.#o;
    if (results.hasSnapshot(snapshot)) {
      await this.#hit(id, "result in the store");
      return [...parents, snapshot];
    }
    const layer = results.layer(snapshot, packing);
    if (layer !== undefined) {
      await reporter.layer(id, "extract", () => this.#chore({ op: "extract", layer, parents, id: snapshot }));
      await this.#hit(id, "layer in the store");
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

  async #imageLayer(link: Link, packing: Packing): Promise<ImageLayer> {
    if (link.kind === "base") return { kind: "base", image: link.image, index: link.index };
    const blob = packing === this.#o.packing ? await this.#layer(link.id) : await this.#layerAs(link.id, packing);
    const { created } = await this.#records.record(link.id);
    return { kind: "made", blob, step: link.id, created };
  }

  #layer(id: StepId): Promise<LayerBlob> {
    return once(this.#layers, id, () => this.#packStep(id));
  }

  async #layerAs(id: StepId, packing: Packing): Promise<LayerBlob> {
    const layer = await this.#layer(id);
    const { id: snapshot } = await this.#records.record(id);
    const exact = packing.epoch === this.#o.packing.epoch;
    const request = { op: "repack", layer, packing, exact } as const;
    const repack = async (): Promise<LayerBlob> => (await this.#chore(request)).layer;
    return this.#forms.of(snapshot, packing, () => this.#o.reporter.layer(id, "pack", repack));
  }

  async #packStep(id: StepId): Promise<LayerBlob> {
    const { results, packing } = this.#o;
    const { id: snapshot } = await this.#records.record(id);
    const linked = this.#records.isForced(id) ? undefined : await this.#keys.linkedName(id);
    const known =
      results.layer(snapshot, packing) ?? (linked === undefined ? undefined : results.layer(linked, packing));
    if (known !== undefined) {
      await this.#hit(id, "layer in the store");
      return known;
    }
    const step = stepOf(this.#o.graph, id);
    const blob = (await this.#layerAlone(id, step, snapshot)) ?? (await this.#packSnapshot(id, snapshot));
    results.putLayer(snapshot, packing, blob);
    if (linked !== undefined) results.putLayer(linked, packing, blob);
    return blob;
  }

  /** A file operation's layer, without extracting what it stands on; undefined where that is at hand or needed anyway. */
  async #layerAlone(id: StepId, step: ReturnType<typeof stepOf>, snapshot: SnapshotId): Promise<LayerBlob | undefined> {
    if (step.kind !== "copy" && step.kind !== "mkdir") return undefined;
    const isLinked = step.kind === "copy" && step.link === true;
    const isAtHand = this.#snapshots.has(id) || this.#o.results.hasSnapshot(snapshot);
    // A linked layer is made apart even so: it holds what an extracted one has below it already.
    if (!isLinked && (isAtHand || this.#standsOnRun(step.base))) return undefined;
    return once(this.#alone, id, async () => {
      const result = { kind: "layer", packing: this.#o.packing } as const;
      const base: BaseTree = isLinked ? { kind: "absent" } : await this.#baseTree(step);
      const work: FileWork = { id: snapshot, base, result };
      const blob = await (step.kind === "copy" ? this.#copy(id, step, work) : this.#makeDirectory(id, step, work));
      if (blob !== undefined) this.#o.results.putLayer(snapshot, this.#o.packing, blob);
      return blob;
    });
  }

  #standsOnRun(id: StepId): boolean {
    const { graph } = this.#o;
    return chainOf(graph, id).some((link) => link.kind === "step" && stepOf(graph, link.id).kind === "run");
  }

  async #packSnapshot(id: StepId, snapshot: SnapshotId): Promise<LayerBlob> {
    const chain = await this.snapshot(id);
    const request = { op: "pack", id: snapshot, parents: chain.slice(0, -1), packing: this.#o.packing } as const;
    return (await this.#o.reporter.layer(id, "pack", () => this.#chore(request))).layer;
  }

  #fetch(image: ImageStep, index: number): Promise<LayerBlob> {
    return once(this.#fetches, image.diffIds[index] ?? "", () => this.#o.fetchLayer(image, index));
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
    if (image === undefined || (!needsNames && (await this.#isClear(destination, image, own)))) {
      return own.length === 0 ? { kind: "absent" } : { kind: "indexes", diffIds: own };
    }
    const ids = chainIds(image.diffIds).map(digestHex);
    if (own.length === 0 && ids.every((snapshot) => this.#o.results.hasSnapshot(snapshot)))
      return { kind: "chain", chain: ids };
    const base = await Promise.all(
      image.diffIds.map(async (diffId, index) =>
        this.#o.results.hasIndex(diffId) ? diffId : this.#indexed(await this.#fetch(image, index)),
      ),
    );
    return { kind: "indexes", diffIds: [...base, ...own] };
  }

  /** Nor may a link of the layers made here lead out of the directory into the base. */
  async #isClear(destination: string, image: ImageStep, own: readonly Digest[]): Promise<boolean> {
    if (!isClearOfBase(destination, image)) return false;
    for (const diffId of own) if (await this.#o.results.hasLinks(diffId)) return false;
    return true;
  }

  async #indexed(layer: LayerBlob): Promise<Digest> {
    if (!this.#o.results.hasIndex(layer.diffId)) await this.#chore({ op: "index", layer });
    return layer.diffId;
  }

  async #run(id: StepId, step: RunStep, snapshot: SnapshotId, parents: Chain): Promise<void> {
    const { kind: op, base: _base, env, hiddenEnv, mounts = [], cross, ...what } = step;
    const given = { hostCa: this.#o.hostCa(), goCache: this.#o.goCache(step), emulator: this.#o.emulator(step) };
    const request = { op, ...what, parents, id: snapshot, env: [...env, ...hiddenEnv], ...given } as const;
    const chains = await mountChains(mounts, {
      snapshot: (from) => this.snapshot(from),
      identity: (from) => this.#records.identity(from),
    });
    const tail = new OutputTail();
    await this.#execute(id, async () => {
      const prepared = prepareMounts(mounts, chains, this.#o.private);
      return this.#request({ ...request, mounts: prepared }, (stream, data) => {
        if (cross !== undefined) tail.add(data);
        this.#o.reporter.output(id, stream, data);
      });
    }).catch((error: unknown) => Promise.reject(tail.judge(error, cross, this.#o.reporter.name(id).text)));
  }

  async #copy(id: StepId, step: CopyStep, work: FileWork): Promise<LayerBlob | undefined> {
    const { kind: op, base: _base, from, more: _more, expectMachine: _machine, ...what } = step;
    const expect = await this.#content(id);
    const others = moreCopied(step, this.#keys.slot(id), (other) => this.#source(other));
    const [source, more] = await Promise.all([this.#source(from), others]);
    await this.#checkRemade(from, step, expect);
    await checkMachines(step, this.#o.graph.labels.get(id)?.[0], source, (request) => this.#chore(request));
    const request = { op, ...what, source, expect, more, mtime: "0", ...work } as const;
    return (await this.#execute(id, () => this.#request(request))).layer;
  }

  async #makeDirectory(id: StepId, step: MakeDirectoryStep, work: FileWork): Promise<LayerBlob | undefined> {
    const { path, owner } = step;
    // Not of SOURCE_DATE_EPOCH: a snapshot outlives the build, and the next one may have another epoch.
    const request = { op: "mkdir", path, owner, mtime: "0", ...work } as const;
    return (await this.#execute(id, () => this.#request(request))).layer;
  }

  async #source(id: StepId): Promise<CopySource> {
    const from = stepOf(this.#o.graph, id);
    return isFiles(from) ? this.#files.source(id, from) : { kind: "chain", chain: await this.snapshot(id) };
  }

  async #content(id: StepId): Promise<Digest> {
    await this.#keys.key(id);
    return this.#keys.slot(id).fields.find(([name]) => name === "content")?.[1] as Digest;
  }

  /** What a COPY takes: of the context by reading it, of another stage by what was found there before. */
  #select(id: StepId, selection: CopySelection): Promise<Selection> {
    if (selection.paths.length === 0) return Promise.resolve({ content: contentDigest(emptyTree, []) });
    return once(this.#selections, selectionName(id, selection), async () => {
      const from = stepOf(this.#o.graph, id);
      const found = isFiles(from)
        ? await this.#files.select(id, from, selection)
        : { name: await this.#records.identity(id) };
      return "content" in found ? found : { content: await this.#selectFrom(found.name, id, selection) };
    });
  }

  async #selectFrom(identity: string, id: StepId, selection: CopySelection): Promise<Digest> {
    const { results } = this.#o;
    const name = selectionName(identity, selection);
    const known = results.selection(name);
    if (known !== undefined) return known;
    const { paths, parents, excludes } = selection;
    const { content } = await this.#chore({ op: "select", source: await this.#source(id), paths, parents, excludes });
    // A result that was made again is another one than the record named.
    const remade = await this.#records.remade(id);
    results.putSelection(remade === undefined ? name : selectionName(remade.id, selection), content);
    return content;
  }

  /**
   * A RUN that had to be repeated, as its snapshot was lost, may have left other files than those whose
   * digest the key of `step` is made of. Its new record is there by now: building again gives another key.
   */
  async #checkRemade(from: StepId, selection: CopySelection, expect: Digest): Promise<void> {
    const remade = await this.#records.remade(from);
    if (remade === undefined || (await this.#selectFrom(remade.id, from, selection)) === expect) return;
    throw resultChanged(this.#o.reporter.name(from).text);
  }

  /** A build that was killed may have left a result without its record. */
  async #hit(id: StepId, reason: string): Promise<void> {
    this.#o.reporter.hit(id, reason);
    if (this.#o.results.step(await this.#keys.key(id)) === undefined) await this.#records.keep(id);
  }

  async #mustRun(links: readonly Link[]): Promise<boolean> {
    for (const link of links) {
      if (link.kind !== "step" || stepOf(this.#o.graph, link.id).kind !== "run") continue;
      const record = await this.#records.record(link.id);
      if (this.#o.results.layer(record.id, this.#o.packing) === undefined) return true;
    }
    return false;
  }

  /** Runs a prepared request: nothing is awaited in `body` that needs a place itself. */
  async #execute<T>(id: StepId, body: () => Promise<T>): Promise<T> {
    const lack = await this.#records.lack(id);
    const why = this.#o.slots.miss(this.#place(id), this.#keys.slot(id), lack);
    const reason = this.#o.noCache ? "--no-cache" : this.#records.isForced(id) ? "--no-cache-filter" : why;
    const result = await this.#places.use(this.#o.signal, () => this.#o.reporter.execute(id, reason, body));
    await this.#records.keep(id);
    return result;
  }

  #place(id: StepId): string {
    const { stage, platforms, text } = this.#o.reporter.name(id);
    return `${stage || text}|${platforms.join(",")}`;
  }

  #chore<R extends WorkerRequest>(request: R): Promise<WorkerResults[R["op"]]> {
    return this.#chores.use(this.#o.signal, () => this.#request(request));
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
