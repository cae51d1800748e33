import { randomBytes } from "node:crypto";
import { AppError } from "../base/errors.ts";
import type { Packing, SnapshotId } from "../worker/protocol.ts";
import { isFiles, stepOf } from "./chain.ts";
import { once } from "./once.ts";
import type { EngineOptions } from "./options.ts";
import type { StepReporter } from "./reporter.ts";
import type { Results, StepRecord } from "./results.ts";
import type { StepKeys } from "./step-keys.ts";
import type { WorkerCalls } from "./worker-calls.ts";
import type { Graph, StepId } from "./types.ts";

/** A step's record, the name its result had when it was last seen (another one where that was lost), and whether it is there. */
export type KnownResult = StepRecord & { readonly last: SnapshotId; readonly isThere: boolean };

/** The records of one build's steps: what is known of their results, decided once for each key: for steps that are forced to run again apart from those that are not. */
export class StepRecords {
  readonly #graph: Graph;
  readonly #results: Results;
  readonly #reporter: StepReporter;
  readonly #packing: Packing;
  readonly #noCache: boolean;
  readonly #forced: ReadonlySet<StepId>;
  readonly #keys: StepKeys;
  readonly #calls: WorkerCalls;
  readonly #records = new Map<string, Promise<KnownResult>>();

  constructor(options: EngineOptions, keys: StepKeys, calls: WorkerCalls) {
    const { graph, results, reporter, packing, noCache, forced = new Set() } = options;
    this.#graph = graph;
    this.#results = results;
    this.#reporter = reporter;
    this.#packing = packing;
    this.#noCache = noCache;
    this.#forced = forced;
    this.#keys = keys;
    this.#calls = calls;
  }

  /** Names the result that is read: of a step that was forced to run again the new one, of a lost one that which was there. */
  async identity(id: StepId): Promise<string> {
    const kind = stepOf(this.#graph, id).kind;
    return kind === "image" || kind === "scratch" ? this.#keys.key(id) : (await this.record(id)).last;
  }

  /** What a step hands down to the keys of those that stand on it. */
  async generation(id: StepId): Promise<string> {
    const { kind } = stepOf(this.#graph, id);
    const record = kind === "image" || kind === "scratch" ? undefined : await this.record(id);
    return record?.generation ?? this.#keys.key(id);
  }

  /** The record of a step whose result was in the store once and has to be made again. */
  async remade(id: StepId): Promise<StepRecord | undefined> {
    const step = stepOf(this.#graph, id);
    if (step.kind === "image" || step.kind === "scratch" || isFiles(step)) return undefined;
    const record = await this.record(id);
    return record.id === record.last ? undefined : record;
  }

  /** Whether a step is executed whatever is known of it. */
  isForced(id: StepId): boolean {
    return this.#noCache || this.#forced.has(id);
  }

  /** The record of a step: the one in the store, or a new one that execution will make true. */
  async record(id: StepId): Promise<KnownResult> {
    const key = await this.#keys.key(id);
    const isForced = this.isForced(id);
    return once(this.#records, `${key} ${isForced}`, async () => {
      const known = this.#results.step(key);
      const fresh = randomBytes(32).toString("hex");
      const isThere = false;
      if (isForced) return { id: fresh, last: fresh, created: Date.now(), generation: fresh, isThere };
      if (known === undefined) return { id: key, last: key, created: Date.now(), isThere };
      if (await this.#available(known)) return { ...known, last: known.id, isThere: true };
      // Another name: what a RUN leaves this time need not be what layers and selections of the first are.
      return { ...known, id: fresh, last: known.id, isThere };
    });
  }

  /** Why a step has to be executed of which nothing changed, in a few words. */
  async lack(id: StepId): Promise<string> {
    const known = this.#results.step(await this.#keys.key(id));
    if (known === undefined) return "it was not finished the last time";
    switch (this.#results.remains(known.id)) {
      case "snapshot":
        return "its result in the store is another sandbox's";
      case "layer":
        return "its result in the store is a layer of another form";
      case "nothing":
        return "its result is no longer in the store";
    }
  }

  /** Tells that the result is at hand. A build that was killed may have left it without its record. */
  async hit(id: StepId, reason: string): Promise<void> {
    this.#reporter.hit(id, reason);
    if (this.#results.step(await this.#keys.key(id)) === undefined) await this.keep(id);
  }

  async keep(id: StepId): Promise<void> {
    const [key, { last: _last, isThere: _isThere, ...record }] = await Promise.all([
      this.#keys.key(id),
      this.record(id),
    ]);
    this.#results.putStep(key, record);
  }

  async #available({ id }: StepRecord): Promise<boolean> {
    return this.#results.layer(id, this.#packing) !== undefined || this.#calls.hasSnapshot(id);
  }
}

/** What repeating a step left is not what a key was made of: building again gives another key. */
export function resultChanged(step: string): AppError {
  return new AppError(
    "STEP_RESULT_CHANGED",
    `${step} was not in the store any more, and repeated it left other files`,
    {
      retryable: true,
    },
  );
}
