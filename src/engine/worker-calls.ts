import { Semaphore } from "../base/concurrency.ts";
import type { SnapshotId, WorkerRequest, WorkerResults } from "../worker/protocol.ts";
import type { EngineOptions } from "./options.ts";

type OnOutput = (stream: "stdout" | "stderr", data: Uint8Array) => void;

/** Asks the worker, which is started by the first that does. */
export class WorkerCalls {
  readonly #o: Pick<EngineOptions, "worker" | "signal" | "results">;
  /** What prepares a step or follows it: bounded apart from steps, so that it waits for no long RUN. */
  readonly #chores: Semaphore;

  constructor(options: Pick<EngineOptions, "worker" | "signal" | "results" | "parallelism">) {
    this.#o = options;
    this.#chores = new Semaphore(options.parallelism);
  }

  /** Whether the store has the snapshot in the form that the worker can use, which is started where only it can tell. */
  async hasSnapshot(id: SnapshotId): Promise<boolean> {
    const { results } = this.#o;
    if (results.hasSnapshot(id) && !results.knowsForm) await this.#o.worker();
    return results.hasSnapshot(id);
  }

  /** Starts the worker beside what its first request waits for, which tells of it where that fails. */
  warm(): void {
    this.#o.worker().catch(() => undefined);
  }

  async hasSnapshots(ids: readonly SnapshotId[]): Promise<boolean> {
    for (const id of ids) if (!(await this.hasSnapshot(id))) return false;
    return true;
  }

  chore<R extends WorkerRequest>(request: R): Promise<WorkerResults[R["op"]]> {
    return this.#chores.use(this.#o.signal, () => this.request(request));
  }

  /** For those who have a place among the steps that execute. */
  async request<R extends WorkerRequest>(request: R, onOutput?: OnOutput): Promise<WorkerResults[R["op"]]> {
    const worker = await this.#o.worker();
    return worker.request(request, { signal: this.#o.signal, ...(onOutput && { onOutput }) });
  }
}
