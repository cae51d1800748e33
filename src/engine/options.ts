import type { Emulator } from "../sandbox/emulation/types.ts";
import type { CopySelection, LayerBlob, Packing } from "../worker/protocol.ts";
import type { Worker } from "../worker/spawn.ts";
import type { RemoteSources } from "./remote-sources.ts";
import type { StepReporter } from "./reporter.ts";
import type { Results } from "./results.ts";
import type { PrivateInputs } from "./run-mounts.ts";
import type { Selection } from "./step-keys.ts";
import type { Graph, ImageStep, RunStep, StepId } from "./types.ts";
import type { SlotBook } from "./why.ts";

/** What the engine works with, and how its work reaches the world. */
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
  /** Steps to execute whatever is known of them. Default: none. */
  readonly forced?: ReadonlySet<StepId> | undefined;
  readonly signal: AbortSignal;
  /** File of CA certificates that RUNs trust beside the image's own, for the run only; asked for by the first RUN. */
  hostCa(): string | undefined;
  /** Directory of Go's build cache for a RUN that can use one. */
  goCache(step: RunStep): string | undefined;
  /** What a RUN of another architecture needs. */
  emulator(step: RunStep): Emulator | undefined;
  /** Starts the worker on first use; a build that needs none starts none. */
  worker(): Promise<Worker>;
  /** Brings a base's layer into the store, verified. */
  fetchLayer(image: ImageStep, index: number): Promise<LayerBlob>;
  /** Fetches what is at addresses. */
  readonly remote: RemoteSources;
  /** What RUN --mount may be given of this machine. */
  readonly private: PrivateInputs;
  /** Digests what a COPY selects from the build context. */
  selectContext(selection: CopySelection, directory: string, ignore: readonly string[]): Promise<Selection>;
}
