/**
 * Maps with up to `inFlight` calls at work and yields results in the order of `source`. Waits for
 * the calls at work before it ends, also on failure or when the consumer stops, so that what they
 * read may be reused then.
 */
export async function* mapOrdered<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  inFlight: number,
  signal: AbortSignal,
  body: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const queue: Promise<R>[] = [];
  try {
    for await (const item of source) {
      signal.throwIfAborted();
      const result = body(item);
      // A failure is seen when its turn comes; until then it must not count as unhandled.
      result.catch(() => undefined);
      queue.push(result);
      const first = queue.length < inFlight ? undefined : queue.shift();
      if (first !== undefined) yield await first;
    }
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield await next;
  } finally {
    await Promise.allSettled(queue);
  }
}
