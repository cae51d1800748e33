import type { Clock } from "./retry.ts";

/** Manifests and existence checks come before blobs: plans wait for them. */
export type Urgency = "manifest" | "blob";

/**
 * Bounds the requests in flight to one host. Waiting manifests go first, and they have one place of
 * their own beyond the limit, so that long transfers never hold up the plan. A host that asked for
 * rest gets it from everybody.
 */
export class HostGate {
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #waiting: Record<Urgency, (() => void)[]> = { manifest: [], blob: [] };
  #running = 0;
  #restUntil = 0;

  constructor(limit: number, clock: Clock) {
    this.#limit = Math.max(1, limit);
    this.#clock = clock;
  }

  async use<T>(urgency: Urgency, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    await this.#enter(urgency, signal);
    try {
      signal.throwIfAborted();
      return await body();
    } finally {
      this.#running--;
      this.#admit();
    }
  }

  /** No request starts for the next `ms` milliseconds. */
  rest(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.#clock.now() + ms);
  }

  /** Resolves when the host has had the rest that it asked for. */
  async rested(signal: AbortSignal): Promise<void> {
    const left = this.#restUntil - this.#clock.now();
    if (left > 0) await this.#clock.sleep(left, signal);
  }

  async #enter(urgency: Urgency, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const queue = this.#waiting[urgency];
    const abandon = (): void => {
      const index = queue.indexOf(resolve);
      // Admitted already: the place is given back by `use`.
      if (index < 0) return;
      queue.splice(index, 1);
      reject(signal.reason);
    };
    queue.push(resolve);
    signal.addEventListener("abort", abandon, { once: true });
    this.#admit();
    try {
      await promise;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  #admit(): void {
    const { manifest, blob } = this.#waiting;
    for (;;) {
      const queue = manifest.length > 0 && this.#running <= this.#limit ? manifest : blob;
      if (queue === blob && this.#running >= this.#limit) return;
      const next = queue.shift();
      if (next === undefined) return;
      this.#running++;
      next();
    }
  }
}
