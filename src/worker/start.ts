import type { RunLimits } from "../sandbox/cgroups/limits.ts";
import type { SessionCgroup } from "../sandbox/cgroups/session-cgroups.ts";
import type { PassedOver, RungName } from "../sandbox/rung.ts";

/** What a worker is told when it starts, as its one argument: where it stands and what it is to make of that. */
export interface WorkerStart {
  /** The store's root. */
  readonly root: string;
  /** A directory of the store's that is the worker's. */
  readonly session: string;
  readonly place: WorkerPlace;
  /** The rungs that may be used, highest first. */
  readonly rungs: readonly RungName[];
  /** Rungs that are known not to be had. */
  readonly passedOver: readonly PassedOver[];
  /** RUNs of a foreign platform need a tracer, which then all have. */
  readonly traced: boolean;
  /** See sandbox/launch/marks.ts. */
  readonly marks: string;
  readonly limits?: WorkerLimits | undefined;
}

/** Limits of each RUN. */
export interface WorkerLimits {
  readonly limits: RunLimits;
  /** Made for this worker, which begins in them. */
  readonly cgroups: readonly SessionCgroup[];
  /** Why some of the limits cannot be kept. */
  readonly refused: readonly string[];
}

/** `userNamespace`: root is root in it only. */
export type WorkerPlace =
  | { readonly kind: "namespaces"; readonly userNamespace: boolean }
  /** A process like any other. */
  | { readonly kind: "plain" };
