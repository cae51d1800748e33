import type { LayerBlob } from "../worker/protocol.ts";
import type { FileStep, GitStep, HttpStep } from "./types.ts";

/** Wraps work that takes long and has to be done: as the execution of a step, for a reason. */
export type Work = <T>(reason: string, body: () => Promise<T>) => Promise<T>;

/** Brings what is at an address into the store. Nothing is asked for twice. */
export interface RemoteSources {
  /**
   * The file at an address, as a blob of the store. `work` is what downloads it; a checksum that is
   * known asks nobody, else the server says whether what is known still holds.
   */
  file(step: HttpStep, work: Work): Promise<FileStep>;
  /** Names the files of a repository by their commit. Asks for its refs at most. */
  commit(step: GitStep): Promise<string>;
  /** The files of that commit, as one layer. `work` is what fetches them. */
  repository(step: GitStep, work: Work): Promise<LayerBlob>;
}
