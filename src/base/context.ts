/**
 * What a command may know of its process. Passed in, so that nothing below `cli` touches globals and
 * tests bring their own.
 */
export interface ProcessContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP; its reason is an AppError `INTERRUPTED`. */
  readonly signal: AbortSignal;
  /** Standard input, read once. Default: none. */
  readonly stdin?: (() => AsyncIterable<Uint8Array>) | undefined;
  /** Pending while the reader of our standard error is far behind; undefined else. Output of RUNs waits for it. */
  readonly outputRoom?: (() => Promise<void> | undefined) | undefined;
}
