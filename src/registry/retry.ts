import { RegistryError, finalError } from "./errors.ts";

export interface RetryPolicy {
  /** Attempts in all, 1 or more. Default 5. */
  readonly attempts: number;
  /** The first wait is between 0 and this; it doubles each time. Default 300 ms. */
  readonly baseMs: number;
  /** No wait of our own choosing is longer. Default 10 s. */
  readonly capMs: number;
  /** A server that asks to wait longer than this ends the call with an error that names the wait. Default 60 s. */
  readonly retryAfterCapMs: number;
}

export interface Clock {
  /** Milliseconds that never run backwards. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 up to, and without, 1. */
  random(): number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  baseMs: 300,
  capMs: 10_000,
  retryAfterCapMs: 60_000,
};

export const systemClock: Clock = {
  now: () => performance.now(),
  random: () => Math.random(),
  async sleep(ms, signal) {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const abandon = (): void => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", abandon);
        resolve();
      }, ms);
      signal.addEventListener("abort", abandon, { once: true });
    });
  },
};

export interface RetryOptions {
  readonly policy: RetryPolicy;
  readonly clock: Clock;
  /** Told when the server asked to be left alone for a while. */
  readonly onThrottled?: ((ms: number) => void) | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good or the policy is used up. It gets the error of the
 * attempt before. An attempt that made headway reports it, and the count starts again.
 */
export async function retry<T>(
  attempt: (previous: RegistryError | undefined, headway: () => void) => Promise<T>,
  options: RetryOptions,
  signal: AbortSignal,
): Promise<T> {
  const { policy, clock } = options;
  let previous: RegistryError | undefined;
  let failures = 0;
  for (;;) {
    try {
      return await attempt(previous, () => {
        failures = 0;
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError) || !error.retryable) throw error;
      previous = error;
    }
    failures++;
    if (failures >= Math.min(policy.attempts, previous.attemptLimit ?? Infinity)) throw exhausted(previous, failures);
    const wait = waitBefore(failures, previous, policy, clock);
    if (previous.retryAfterMs !== undefined) options.onThrottled?.(wait);
    await clock.sleep(wait, signal);
  }
}

/** Full jitter (each wait is anywhere below the bound), so that clients that failed together part. */
function waitBefore(failures: number, error: RegistryError, policy: RetryPolicy, clock: Clock): number {
  const bound = Math.min(policy.capMs, policy.baseMs * 2 ** (failures - 1));
  const asked = error.retryAfterMs;
  if (asked === undefined) return clock.random() * bound;
  if (asked > policy.retryAfterCapMs) throw tooLong(error, asked, policy.retryAfterCapMs);
  return asked + clock.random() * Math.min(bound, 1000);
}

function exhausted(error: RegistryError, attempts: number): RegistryError {
  if (attempts === 1) return finalError(error, error.message);
  return finalError(error, `${error.message} (tried ${attempts} times)`);
}

function tooLong(error: RegistryError, askedMs: number, capMs: number): RegistryError {
  const seconds = Math.ceil(askedMs / 1000);
  const message = `${error.message}; it asks to wait ${seconds} s, longer than the ${capMs / 1000} s we wait`;
  return finalError(error, message, `Run again in ${seconds} s, log in for a higher limit, or use --registry-mirror.`);
}
