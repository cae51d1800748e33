/** Bounds how many holders run at the same time; waiters are served in order of arrival. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = Math.max(1, limit);
  }

  /** Runs `body` with one place held; rejects with the signal's reason when aborted while waiting. */
  async use<T>(signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    await this.#acquire(signal);
    try {
      // It may have been aborted between the place being given and being taken.
      signal.throwIfAborted();
      return await body();
    } finally {
      this.#release();
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        signal.removeEventListener("abort", abandon);
        resolve();
      };
      const abandon = (): void => {
        const index = this.#waiting.indexOf(wake);
        if (index >= 0) this.#waiting.splice(index, 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abandon, { once: true });
      this.#waiting.push(wake);
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}

/**
 * Maps with at most `limit` calls in flight and keeps the order of `items`.
 * The first failure aborts the signal the others got, waits for them to end, and is thrown.
 */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  body: (item: T, signal: AbortSignal, index: number) => Promise<R>,
): Promise<R[]> {
  const stop = new AbortController();
  const inner = AbortSignal.any([signal, stop.signal]);
  const gate = new Semaphore(limit);
  const settled = await Promise.allSettled(
    items.map((item, index) =>
      gate
        .use(inner, () => body(item, inner, index))
        .catch((error: unknown) => {
          if (!stop.signal.aborted) stop.abort(error);
          throw error;
        }),
    ),
  );
  if (stop.signal.aborted) throw stop.signal.reason;
  return settled.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
