import { readFileSync } from "node:fs";
import { STOP } from "../../sys/trace/tracing.ts";
import type { Tracee } from "./tracee.ts";

/** The threads that are traced. */
export class ThreadTable {
  readonly #threads = new Map<number, Tracee>();
  /** That have stopped before their parents were. */
  readonly #early = new Set<number>();
  /** Ids of all that have been, too. */
  readonly ever = new Set<number>();

  get live(): ReadonlyMap<number, Tracee> {
    return this.#threads;
  }

  get(tid: number): Tracee | undefined {
    return this.#threads.get(tid);
  }

  all(): readonly Tracee[] {
    return [...this.#threads.values()];
  }

  add(tracee: Tracee): void {
    this.#threads.set(tracee.tid, tracee);
    this.ever.add(tracee.tid);
  }

  /** Keeps one that is not known yet stopped. */
  early(tid: number): void {
    this.#early.add(tid);
  }

  /** Takes in what `parent` has started. True where it waits already. */
  start(parent: Tracee, tid: number, event: number): boolean {
    const sharesMemory = event !== STOP.fork;
    const space = sharesMemory ? parent.space : copySpace(parent);
    const pid = event === STOP.clone ? processOf(tid) : tid;
    this.add({ tid, pid, credentials: parent.credentials, space, program: parent.program });
    return this.#early.delete(tid);
  }

  remove(tid: number): void {
    this.#threads.delete(tid);
    this.#early.delete(tid);
  }
}

function copySpace({ space }: Tracee): Tracee["space"] {
  return space.scratch === undefined ? {} : { scratch: { ...space.scratch } };
}

/** A clone may be a thread or a process of its own. */
function processOf(tid: number): number {
  try {
    return Number(/^Tgid:\s*(\d+)/m.exec(readFileSync(`/proc/${tid}/status`, "latin1"))?.[1] ?? tid);
  } catch {
    return tid;
  }
}
