import type { OwnHandlers } from "../sandbox/emulation/own-handlers.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { OnOutput } from "../sandbox/output.ts";
import type { RootMaker } from "../snapshot/writable-root.ts";
import type { StoreAccess, TempSpace } from "../store/store.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/** What the operations of a worker work with. */
export interface WorkerContext {
  readonly store: StoreAccess;
  /** On the store's file system; what is not renamed away goes with the worker. */
  readonly temp: TempSpace;
  /** A directory in memory, for mount points and small files. */
  readonly scratch: string;
  readonly syscalls: Syscalls;
  readonly sandbox: Sandbox;
  /** Where there is a user namespace that they can be in. */
  readonly handlers: OwnHandlers | undefined;
  /** Makes the root file systems of RUNs. */
  readonly roots: RootMaker;
  /** Tells the user what fails nothing. */
  readonly note: (code: string, message: string) => void;
}

/** One request while it is served. */
export interface Call {
  readonly signal: AbortSignal;
  readonly onOutput: OnOutput;
}
