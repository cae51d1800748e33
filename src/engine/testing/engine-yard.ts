import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lineRange } from "../../base/source.ts";
import { digestOf } from "../../oci/digest.ts";
import { parsePlatform } from "../../oci/platform.ts";
import { parseReference } from "../../oci/reference.ts";
import { openStore, type Session, type Store } from "../../store/store.ts";
import { Engine } from "../engine.ts";
import type { BuildEventBody } from "../events.ts";
import { GraphBuilder } from "../graph.ts";
import type { EngineOptions } from "../options.ts";
import { StepReporter } from "../reporter.ts";
import { Results } from "../results.ts";
import type { CopyStep, ImageStep, RunStep, Step, StepId } from "../types.ts";
import { SlotBook } from "../why.ts";
import { FakeWorker, type Behaviour } from "./fake-worker.ts";

export const SOURCE = lineRange({ name: "Dockerfile", text: "FROM x\n" }, 1);
export const AMD64 = parsePlatform("linux/amd64");
export const ARM64 = parsePlatform("linux/arm64");
export const BOOT = "boot 1";

export interface Built {
  readonly engine: Engine;
  readonly worker: FakeWorker;
  /** Indexes of the base's layers that were fetched. */
  readonly fetched: readonly number[];
}

/** A store, a graph that grows, and engines that build what is in it by then. */
export class EngineYard {
  readonly root = mkdtempSync(join(tmpdir(), "manyarch-engine-"));
  readonly store: Store = openStore(this.root);
  events: BuildEventBody[] = [];
  /** What COPY finds in the context. */
  content = "sha256:one";
  readonly graph = new GraphBuilder();
  readonly #session: Session = this.store.session();

  async close(): Promise<void> {
    await this.#session.close();
    this.store.close();
    rmSync(this.root, { recursive: true, force: true });
  }

  run(base: StepId, command: string, more: Partial<RunStep> = {}): StepId {
    const step: RunStep = {
      kind: "run",
      base,
      argv: ["sh", "-c", command],
      env: [],
      hiddenEnv: [],
      cwd: "/",
      user: "",
      network: "host",
      platform: AMD64,
      ...more,
    };
    return this.#add(step, `RUN ${command}`, more.platform);
  }

  copy(base: StepId, from: StepId, destination: string, more: Partial<CopyStep> = {}): StepId {
    const step: CopyStep = { kind: "copy", base, from, paths: ["a"], destination, intoDirectory: false, ...more };
    return this.#add(step, `COPY a ${destination}`);
  }

  scratch(): StepId {
    return this.#add({ kind: "scratch" });
  }

  context(): StepId {
    return this.#add({ kind: "context", directory: "/context", ignore: [] });
  }

  /** A distribution's image. */
  image(layers = 1): StepId {
    const descriptors = Array.from({ length: layers }, (_, index) => {
      const digest = digestOf(Buffer.from(`base${index}`));
      return { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 5 };
    });
    const step: ImageStep = {
      kind: "image",
      reference: parseReference("example.com/base:1"),
      platform: AMD64,
      manifest: descriptors[0]!,
      layers: descriptors,
      diffIds: descriptors.map(({ digest }) => digest),
      history: descriptors.map(() => "# debian.sh"),
      mentions: [],
    };
    return this.#add(step, "FROM base");
  }

  /** An engine for the graph as it is now, with a worker of its own. */
  engineOf(behaviour?: Behaviour, more: Partial<EngineOptions> = {}): Built {
    const fetched: number[] = [];
    const worker = new FakeWorker(this.store, this.#session, BOOT, behaviour);
    const signal = more.signal ?? new AbortController().signal;
    const graph = this.graph.finish();
    const engine = new Engine({
      graph,
      results: new Results(this.store, BOOT, () => undefined),
      reporter: new StepReporter(graph, 2, signal, (event) => this.events.push(event)),
      slots: new SlotBook(this.store.records, "scope"),
      packing: { compression: "gzip", format: "oci" },
      parallelism: 2,
      noCache: false,
      signal,
      hostCa: () => undefined,
      goCache: () => undefined,
      emulator: () => undefined,
      worker: () => Promise.resolve(worker),
      fetchLayer: (base, index) => {
        fetched.push(index);
        const { digest, size, mediaType } = base.layers[index]!;
        return Promise.resolve({ digest, size, mediaType, diffId: base.diffIds[index]! });
      },
      private: { secret: () => undefined, agent: () => undefined },
      remote: { file: nothing, commit: nothing, repository: nothing },
      selectContext: () => Promise.resolve({ content: this.content }),
      ...more,
    });
    return { engine, worker, fetched };
  }

  /** What was told of, by one kind of event. */
  kinds(kind: BuildEventBody["kind"]): readonly string[] {
    return this.events.flatMap((event) => (event.kind === kind && "text" in event ? [event.text] : []));
  }

  #add(step: Step, text: string = step.kind, platform = AMD64): StepId {
    return this.graph.add(step, { stage: "stage 1/1", text, target: platform, source: SOURCE });
  }
}

const nothing = (): Promise<never> => Promise.reject(new Error("nothing is at an address"));
