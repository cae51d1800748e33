import type { Chain, LayerBlob } from "../worker/protocol.ts";
import type { FileSources } from "./file-sources.ts";
import type { EngineOptions } from "./options.ts";
import type { StepKeys } from "./step-keys.ts";
import type { StepRecords } from "./step-records.ts";
import type { ImageStep, StepId } from "./types.ts";
import type { WorkerCalls } from "./worker-calls.ts";

/** What the parts of an engine share, and what they ask of each other. */
export interface Parts {
  readonly options: EngineOptions;
  readonly keys: StepKeys;
  readonly records: StepRecords;
  readonly calls: WorkerCalls;
  readonly files: FileSources;
  /** The extracted chain of a step. */
  snapshot(id: StepId): Promise<Chain>;
  /** Whether that was asked for. */
  isExtracted(id: StepId): boolean;
  /** The packed layer of a step. */
  layer(id: StepId): Promise<LayerBlob>;
  /** The layer of a file operation that is being made without a snapshot. */
  layerAlone(id: StepId): Promise<LayerBlob | undefined> | undefined;
  /** A base's layer, fetched once. */
  fetch(image: ImageStep, index: number): Promise<LayerBlob>;
}
