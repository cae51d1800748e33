import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { encodeLayerIndex, type IndexEntry } from "../../layer/layer-index.ts";
import { digestOf } from "../../oci/digest.ts";
import type { Session, Store } from "../../store/store.ts";
import type { LayerBlob, WorkerRequest, WorkerResults } from "../../worker/protocol.ts";
import type { Worker } from "../../worker/spawn.ts";

/** Answers `undefined` to let the request succeed; throws to let it fail. */
export type Behaviour = (request: WorkerRequest) => Promise<void> | void;

/** A worker that leaves in the store what a real one would, without files in it, and remembers what it was asked. */
export class FakeWorker implements Worker {
  readonly rung = "runtime";
  readonly runtime = "fake";
  readonly form = "plain";
  readonly requests: WorkerRequest[] = [];
  /** What layers hold, as far as anyone looks into one. */
  indexed: readonly IndexEntry[] = [];
  /** Files of a stage that are for another machine. */
  wrong: WorkerResults["machines"]["wrong"] = [];
  /** The largest number of requests that were under way at the same time. */
  mostAtOnce = 0;
  #now = 0;
  readonly #store: Store;
  readonly #session: Session;
  readonly #bootId: string;
  readonly #behaviour: Behaviour;

  constructor(store: Store, session: Session, bootId: string, behaviour: Behaviour = () => {}) {
    this.#store = store;
    this.#session = session;
    this.#bootId = bootId;
    this.#behaviour = behaviour;
  }

  async request<R extends WorkerRequest>(request: R): Promise<WorkerResults[R["op"]]> {
    this.requests.push(request);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#now);
    try {
      await this.#behaviour(request);
      return this.#answer(request) as WorkerResults[R["op"]];
    } finally {
      this.#now--;
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Names of what was asked, for comparison. */
  operations(): readonly string[] {
    return this.requests.map(({ op }) => op);
  }

  #answer(request: WorkerRequest): unknown {
    switch (request.op) {
      case "extract":
      case "run":
        this.#publish(request.id);
        return null;
      case "copy":
      case "mkdir":
        if (request.result.kind === "layer") return { layer: this.#blob(request.id) };
        this.#publish(request.id);
        return {};
      case "pack":
        return { layer: this.#blob(request.id) };
      case "select":
        return { content: digestOf(Buffer.from(JSON.stringify([request.source, request.paths]))) };
      case "index": {
        const path = this.#store.indexPath(request.layer.diffId);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, encodeLayerIndex({ entries: this.indexed, files: new Map() }));
        return null;
      }
      case "machines":
        return { checked: 1, wrong: this.wrong };
      case "export":
        return null;
    }
  }

  #publish(id: string): void {
    const directory = this.#store.snapshotDirectory(id);
    mkdirSync(join(directory, "fs"), { recursive: true });
    writeFileSync(join(directory, "boot"), this.#bootId);
  }

  #blob(id: string): LayerBlob {
    const writer = this.#store.blobs.writer(this.#session);
    writer.write(Buffer.from(`layer of ${id}`));
    const { digest, size } = writer.commit();
    return { digest, size, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", diffId: digest };
  }
}
