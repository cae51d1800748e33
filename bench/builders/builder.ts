/** One build to measure. */
export interface BuildJob {
  readonly context: string;
  readonly platforms: readonly string[];
  readonly reference: string;
  readonly buildArgs: Readonly<Record<string, string>>;
}

/** The command line of one build, as a user would type it, and who runs it. */
export interface BuildCommand {
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** A program that builds images, with a store of its own. */
export interface Builder extends AsyncDisposable {
  readonly name: string;
  readonly version: string;
  /** Names of the executables whose memory counts as the builder's. */
  readonly executables: readonly string[];
  /** The daemon's process, where there is one. */
  daemon(): number | undefined;
  /** Empties the store: the next build is cold. */
  reset(): Promise<void>;
  /** One or several commands that together build and push. */
  commands(job: BuildJob): readonly BuildCommand[];
}
