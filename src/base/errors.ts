import type { SourceRange } from "./source.ts";

/** What an {@link AppError} may carry beside its code and message. */
export interface ErrorDetails {
  /** The next step for the person who reads this: one imperative sentence. */
  readonly hint?: string | undefined;
  /** Where in the user's own text the fault is. Attached at the lowest level that knows it. */
  readonly source?: SourceRange | undefined;
  readonly cause?: unknown;
  /** True when the same call may succeed later without anything being changed. Default false. */
  readonly retryable?: boolean | undefined;
}

/**
 * The one error shape of manyarch.
 *
 * `code` is stable and upper snake case, prefixed by its domain (`REGISTRY_UNAUTHORIZED`); the exit
 * code follows from it (cli/exit-codes.ts). `message` starts in lower case, names the object, what
 * was expected and what was found. Thrown low, with position; rendered once, in `cli`.
 */
export class AppError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly source: SourceRange | undefined;
  readonly retryable: boolean;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "AppError";
    this.code = code;
    this.hint = details.hint;
    this.source = details.source;
    this.retryable = details.retryable ?? false;
  }
}

/** The same error with a source range, unless it has one already: inner positions are the better ones. */
export function withSource(error: unknown, source: SourceRange): unknown {
  if (!(error instanceof AppError) || error.source !== undefined) return error;
  return new AppError(error.code, error.message, {
    hint: error.hint,
    source,
    cause: error.cause,
    retryable: error.retryable,
  });
}

/** The system's error number name (`ENOENT`), where `error` came from a system call. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** A short text for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Closes an exhaustive switch: a new variant that is not handled fails to compile. */
export function assertNever(value: never): never {
  throw new Error(`unhandled variant: ${JSON.stringify(value)}`);
}
