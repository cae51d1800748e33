import type { SnapshotForm } from "../store/store.ts";
import type { Worker, WorkerOptions } from "../worker/spawn.ts";

/** What the RUNs of a build need of the worker. */
export type WorkerNeeds = Pick<WorkerOptions, "ownNamespace" | "traced">;

/**
 * The one worker of a build, started when it is first asked for. An attempt that needs what it lacks (a stage
 * is planned again, now to be emulated) gets another one in its place: nothing uses the first any more then.
 */
export class WorkerKeeper {
  readonly #start: (needs: WorkerNeeds) => Promise<Worker>;
  #worker: Promise<Worker> | undefined;
  #has: WorkerNeeds = {};
  #form: SnapshotForm | undefined;

  constructor(start: (needs: WorkerNeeds) => Promise<Worker>) {
    this.#start = start;
  }

  /** Of the worker's snapshots, once it has started. */
  get form(): SnapshotForm | undefined {
    return this.#form;
  }

  async get(needs: WorkerNeeds): Promise<Worker> {
    if (this.#worker === undefined || lacks(this.#has, needs)) {
      this.#worker = this.#replace(this.#worker, needs);
      this.#has = needs;
    }
    const worker = await this.#worker;
    this.#form = worker.form;
    return worker;
  }

  async close(): Promise<void> {
    // One that failed to start has told its reason to whoever asked for it.
    const started = await this.#worker?.catch(() => undefined);
    await started?.close();
  }

  async #replace(former: Promise<Worker> | undefined, needs: WorkerNeeds): Promise<Worker> {
    const started = await former?.catch(() => undefined);
    await started?.close();
    return this.#start(needs);
  }
}

function lacks(has: WorkerNeeds, needs: WorkerNeeds): boolean {
  return (needs.ownNamespace === true && has.ownNamespace !== true) || (needs.traced === true && has.traced !== true);
}
