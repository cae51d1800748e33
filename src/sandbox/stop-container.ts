import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../base/errors.ts";
import { catchesTerm, processesWith, signalProcess } from "./container-processes.ts";

/** Milliseconds that a process which catches SIGTERM has to end by itself. */
const GRACE = 10_000;

/** Stops the container whose first process `pidFile` names when `signal` is aborted. Settles once `ended` is. */
export async function stopOnAbort(pidFile: string, signal: AbortSignal, ended: AbortSignal): Promise<void> {
  await Promise.race([aborted(signal, ended), aborted(ended)]);
  let init: number | undefined;
  // The runtime may still be at making the container: it cannot be stopped safely before it has.
  while (!ended.aborted && (init = readPid(pidFile)) === undefined) await sleep(2);
  if (init === undefined || ended.aborted) return;
  const processes = processesWith(init);
  const graceful = processes.some(catchesTerm);
  for (const pid of processes) signalProcess(pid, "SIGTERM");
  if (graceful) await Promise.race([aborted(ended), sleep(GRACE, undefined, { ref: false })]);
  if (!ended.aborted) signalProcess(init, "SIGKILL");
}

/** Ends a container whose runtime was killed, and waits until nothing of it is left. */
export async function endOrphan(pidFile: string): Promise<void> {
  const init = readPid(pidFile);
  if (init === undefined || processesWith(init).length === 0) return;
  signalProcess(init, "SIGKILL");
  while (processesWith(init).length > 0) await sleep(2);
}

/** The id that a runtime has written there; undefined as long as it has not. */
export function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "latin1"));
    return pid > 0 ? pid : undefined;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Settles when `signal` is aborted; `until` takes its listener away. */
function aborted(signal: AbortSignal, until?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true, ...(until && { signal: until }) });
  });
}
