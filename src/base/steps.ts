/** Milliseconds of work between two looks at the event loop. */
const STRETCH = 20;

/**
 * What a long synchronous work calls after each of its steps: now and then it answers a promise, to be awaited,
 * so that others get their turn. The promise is rejected with the signal's reason once that is aborted, which
 * nobody could tell us of while we hold the event loop.
 */
export function breather(signal: AbortSignal): () => Promise<void> | undefined {
  let since = performance.now();
  const rest = async (): Promise<void> => {
    await new Promise(setImmediate);
    signal.throwIfAborted();
    since = performance.now();
  };
  return () => (performance.now() - since < STRETCH ? undefined : rest());
}

/** Goes through `steps`, which do their work as they are asked for, with a breath now and then; answers what they return. */
export async function takeSteps<T>(steps: Generator<unknown, T>, signal: AbortSignal): Promise<T> {
  const breathe = breather(signal);
  try {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      const rest = breathe();
      if (rest !== undefined) await rest;
    }
  } finally {
    // Left in the middle, it gives up what it holds.
    steps.return?.(undefined as T);
  }
}

/** As {@link takeSteps}, without a breath: for what is known to be short. */
export function runSteps<T>(steps: Generator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
