import { Semaphore } from "../base/concurrency.ts";
import type { Digest } from "../oci/digest.ts";
import type { BaseTree, Chain, LayerBlob, ResultForm, SnapshotId } from "../worker/protocol.ts";
import { checkMachines, OutputTail } from "./cross.ts";
import { moreCopied } from "./file-sources.ts";
import { mountedFiles } from "./mount-keys.ts";
import type { Parts } from "./parts.ts";
import { mountChains, prepareMounts } from "./run-mounts.ts";
import type { Selections } from "./selections.ts";
import type { CopyStep, MakeDirectoryStep, RunStep, StepId, StepMount } from "./types.ts";

/** Where a file operation works and what it leaves. */
export interface FileWork {
  readonly id: SnapshotId;
  readonly base: BaseTree;
  readonly result: ResultForm;
}

/** Executes steps, side by side and no more at once than is allowed. */
export class StepWork {
  readonly #parts: Parts;
  readonly #selections: Selections;
  readonly #places: Semaphore;

  constructor(parts: Parts, selections: Selections) {
    this.#parts = parts;
    this.#selections = selections;
    this.#places = new Semaphore(parts.options.parallelism);
  }

  async run(id: StepId, step: RunStep, snapshot: SnapshotId, parents: Chain): Promise<void> {
    const { options, records, calls } = this.#parts;
    const { kind: op, base: _base, env, hiddenEnv, mounts = [], cross, ...what } = step;
    const given = { hostCa: options.hostCa(), goCache: options.goCache(step), emulator: options.emulator(step) };
    const request = { op, ...what, parents, id: snapshot, env: [...env, ...hiddenEnv], ...given } as const;
    const chains = await mountChains(mounts, {
      snapshot: (from) => this.#parts.snapshot(from),
      identity: (from) => records.identity(from),
    });
    await this.#checkMounted(id, mounts);
    const tail = new OutputTail();
    await this.#execute(id, async () => {
      const prepared = prepareMounts(mounts, chains, options.private);
      return calls.request({ ...request, mounts: prepared }, (stream, data) => {
        if (cross !== undefined) tail.add(data);
        options.reporter.output(id, stream, data);
      });
    }).catch((error: unknown) => Promise.reject(tail.judge(error, cross, options.reporter.name(id).text)));
  }

  /** Whether mounts show what the key of the step was made of, also where that was made again for them. */
  async #checkMounted(id: StepId, mounts: readonly StepMount[]): Promise<void> {
    for (const mount of mounts) {
      if (mount.kind !== "bind" || mount.source === "/") continue;
      const selection = mountedFiles(mount.source);
      const { content } = await this.#selections.forStep(id, mount.from, selection);
      await this.#selections.checkRemade(mount.from, selection, content as Digest);
    }
  }

  /** The layer, where that is what `work` asks for. */
  async copy(id: StepId, step: CopyStep, work: FileWork): Promise<LayerBlob | undefined> {
    const { options, keys, calls } = this.#parts;
    const { kind: op, base: _base, from, more: _more, expectMachine: _machine, ...what } = step;
    await keys.key(id);
    const expect = keys.slot(id).fields.find(([name]) => name === "content")?.[1] as Digest;
    const others = moreCopied(step, keys.slot(id), (other) => this.#selections.source(other));
    const [source, more] = await Promise.all([this.#selections.source(from), others]);
    await this.#selections.checkRemade(from, step, expect);
    await checkMachines(step, options.graph.labels.get(id)?.[0], source, (request) => calls.chore(request));
    const request = { op, ...what, source, expect, more, mtime: "0", ...work } as const;
    return (await this.#execute(id, () => calls.request(request))).layer;
  }

  async makeDirectory(id: StepId, step: MakeDirectoryStep, work: FileWork): Promise<LayerBlob | undefined> {
    const { path, owner } = step;
    // Not of SOURCE_DATE_EPOCH: a snapshot outlives the build, and the next one may have another epoch.
    const request = { op: "mkdir", path, owner, mtime: "0", ...work } as const;
    return (await this.#execute(id, () => this.#parts.calls.request(request))).layer;
  }

  /** Runs a prepared request: nothing is awaited in `body` that needs a place itself. */
  async #execute<T>(id: StepId, body: () => Promise<T>): Promise<T> {
    const { options, records } = this.#parts;
    const reason = await this.#reason(id);
    const result = await this.#places.use(options.signal, () => options.reporter.execute(id, reason, body));
    await records.keep(id);
    return result;
  }

  /** Why the step has to be executed. What its key is made of is remembered for the next time. */
  async #reason(id: StepId): Promise<string> {
    const { options, keys, records } = this.#parts;
    const { stage, platforms, text } = options.reporter.name(id);
    const lack = await records.lack(id);
    const why = options.slots.miss(`${stage || text}|${platforms.join(",")}`, keys.slot(id), lack);
    if (options.noCache) return "--no-cache";
    return records.isForced(id) ? "--no-cache-filter" : why;
  }
}
