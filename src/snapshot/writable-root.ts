/** What a writable root is made of. Paths of the machine, as text. */
export interface RootLayers {
  /** Snapshot directories, lowest first; none is an empty root. They never change. */
  readonly lower: readonly string[];
  /** Where changes go, in overlayfs form: it does not exist and is made. */
  readonly upper: string;
  /** A directory of the caller's on the file system of `upper`, for what is needed meanwhile. */
  readonly space: string;
}

/** One way to make writable snapshots. */
export interface RootMaker {
  readonly kind: "overlay" | "fuse-overlayfs" | "copy";
  /** Throws the signal's reason when aborted, and has nothing left open then. */
  open(layers: RootLayers, signal: AbortSignal): Promise<WritableRoot>;
}

/** A root file system for one RUN. After `release`, `collect` or `discard` ends it. */
export interface WritableRoot {
  /** Its files, for as long as it is not released. */
  readonly directory: string;
  /**
   * Where changes are until they are collected: the upper directory of a mount, `directory` itself where
   * changes are made in place. What was put in for the RUN only is taken out of here, before `collect`.
   */
  readonly changes: string;
  /** The RUN has ended: nothing may use `directory` any more. May be called again. */
  release(): void;
  /** Puts what changed into `upper`. */
  collect(signal: AbortSignal): Promise<void>;
  /** Gives up everything but `upper`, and waits until nothing changes that any more. May be called again. */
  discard(): Promise<void>;
}
