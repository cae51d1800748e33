import { setTimeout as sleep } from "node:timers/promises";
import { catchesTerm, signalProcess } from "./container-processes.ts";

/** Milliseconds that a process which catches SIGTERM has to end by itself. */
const GRACE = 10_000;
/** Milliseconds between two looks for processes. */
const POLL = 5;

/**
 * Stops the processes that `find` answers when `signal` is aborted: all are sent SIGTERM and, after ten seconds or
 * at once where none catches that, SIGKILL until there are none. What is not there yet is waited for, since a
 * command that is just being started could not be stopped otherwise. Settles then, or once `ended` is aborted.
 */
export async function stopOnAbort(
  find: () => readonly number[],
  signal: AbortSignal,
  ended: AbortSignal,
): Promise<void> {
  await Promise.race([aborted(signal, ended), aborted(ended)]);
  const processes = await firstOf(find, ended);
  const graceful = processes.some(catchesTerm);
  for (const pid of processes) signalProcess(pid, "SIGTERM");
  if (graceful) await Promise.race([aborted(ended), sleep(GRACE, undefined, { ref: false })]);
  while (!ended.aborted) {
    const left = find();
    if (left.length === 0) return;
    for (const pid of left) signalProcess(pid, "SIGKILL");
    await sleep(POLL);
  }
}

async function firstOf(find: () => readonly number[], ended: AbortSignal): Promise<readonly number[]> {
  while (!ended.aborted) {
    const processes = find();
    if (processes.length > 0) return processes;
    await sleep(POLL);
  }
  return [];
}

/** Settles when `signal` is aborted; `until` takes its listener away. */
function aborted(signal: AbortSignal, until?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true, ...(until && { signal: until }) });
  });
}
