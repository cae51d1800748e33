interface Flight<V> {
  readonly result: Promise<V>;
  readonly stop: AbortController;
  waiting: number;
}

/** Equal calls at the same time share one run. It is aborted when the last of its callers is. */
export class SingleFlight<V> {
  readonly #flights = new Map<string, Flight<V>>();

  async run(key: string, signal: AbortSignal, body: (signal: AbortSignal) => Promise<V>): Promise<V> {
    signal.throwIfAborted();
    const flight = this.#flights.get(key) ?? this.#start(key, body);
    flight.waiting++;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const leave = (): void => {
      if (--flight.waiting === 0) {
        flight.stop.abort(signal.reason);
        this.#forget(key, flight);
      }
      reject(signal.reason);
    };
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([flight.result, aborted]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  #start(key: string, body: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const stop = new AbortController();
    const flight: Flight<V> = {
      stop,
      waiting: 0,
      result: body(stop.signal).finally(() => this.#forget(key, flight)),
    };
    // A flight that everybody has left may still fail; nobody is there to hear it.
    flight.result.catch(() => undefined);
    this.#flights.set(key, flight);
    return flight;
  }

  #forget(key: string, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
