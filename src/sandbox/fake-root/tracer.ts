import { STOP, inject } from "../../sys/trace/tracing.ts";
import type { Tracing, Waited } from "../../sys/trace/tracing.ts";
import type { Context, Handler } from "./context.ts";
import { SCRATCH_BYTES, applyRewrite } from "./rewrite.ts";
import type { ThreadTable } from "./threads.ts";
import type { Outcome, Tracee } from "./tracee.ts";

export interface TraceOptions {
  readonly context: Context;
  readonly threads: ThreadTable;
  /** By the number of the call. */
  readonly handlers: ReadonlyMap<number, Handler>;
  /** A child that is traced already, and waits for its execve. */
  readonly first: Tracee;
}

/** How the first process ended. */
export type TraceEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: number }
  /** Its program could not be started. */
  | { readonly kind: "refused"; readonly errno: number };

const SIGTRAP = 5;
const SIGKILL = 9;
const CALL_STOP = SIGTRAP | 0x80;
const GROUP_STOPS: ReadonlySet<number> = new Set([19, 20, 21, 22]);
const PROT_READ_WRITE = 3;
/** MAP_PRIVATE, ANONYMOUS, NORESERVE. */
const MAP_FLAGS = 0x02 | 0x20 | 0x4000;

/**
 * Serves the calls of a process and of all that it starts, until none of them is left. When the first
 * process ends, so do the others.
 */
export function trace(options: TraceOptions): TraceEnd {
  const tracer = new Tracer(options);
  const { tracing } = options.context;
  for (let waited = tracing.wait(); waited !== undefined; waited = tracing.wait()) tracer.handle(waited);
  return tracer.end ?? { kind: "killed", signal: SIGKILL };
}

class Tracer {
  readonly #tracing: Tracing;
  readonly #context: Context;
  readonly #threads: ThreadTable;
  readonly #handlers: ReadonlyMap<number, Handler>;
  readonly #first: Tracee;
  #started = false;
  end: TraceEnd | undefined;

  constructor({ context, threads, handlers, first }: TraceOptions) {
    this.#tracing = context.tracing;
    this.#context = context;
    this.#threads = threads;
    this.#handlers = handlers;
    this.#first = first;
  }

  handle({ tid, status }: Waited): void {
    if ((status & 0xff) !== 0x7f) return this.#ended(tid, status);
    const event = status >> 16;
    const signal = (status >> 8) & 0xff;
    const tracee = this.#threads.get(tid);
    // A child may stop before we are told of it.
    if (tracee === undefined) return this.#threads.early(tid);
    switch (event) {
      case STOP.seccomp:
        return this.#call(tracee);
      case STOP.fork:
      case STOP.vfork:
      case STOP.clone:
        if (this.#threads.start(tracee, this.#tracing.eventMessage(tid), event)) this.#resumeChild(tid);
        return this.#tracing.resume(tid);
      case STOP.exec:
        return this.#executed(tracee);
      case STOP.stop:
        return GROUP_STOPS.has(signal) ? this.#tracing.listen(tid) : this.#tracing.resume(tid);
      default:
        return signal === CALL_STOP ? this.#returned(tracee) : this.#tracing.resume(tid, signal);
    }
  }

  #resumeChild(parent: number): void {
    this.#tracing.resume(this.#tracing.eventMessage(parent));
  }

  #ended(tid: number, status: number): void {
    this.#threads.remove(tid);
    if (tid !== this.#first.tid) return;
    const signal = status & 0x7f;
    this.end ??= signal === 0 ? { kind: "exited", code: (status >> 8) & 0xff } : { kind: "killed", signal };
    this.#killAll();
  }

  #killAll(): void {
    for (const { pid } of this.#threads.all()) killProcess(pid);
  }

  #call(tracee: Tracee): void {
    const { tid } = tracee;
    const { registers, calls } = this.#tracing.kernel.machine;
    if (this.#tracing.readRegisters(tid) < 0) return;
    const nr = this.#tracing.call();
    const handler = this.#handlers.get(nr);
    const isStart = nr === calls.execve;
    if (handler === undefined || (!this.#started && !isStart)) return this.#tracing.resume(tid);
    if (tracee.space.scratch === undefined && !this.#makeScratch(tracee)) return;
    const args = registers.arguments.map(this.#tracing.register);
    const outcome = handler({ tracee, args, context: this.#context });
    if (!this.#started && isStart && typeof outcome === "number") return this.#refuse(-outcome);
    this.#apply(tracee, args, outcome);
  }

  /** Asks the program for memory on its own behalf; then it makes its call again. False: the rest follows later. */
  #makeScratch(tracee: Tracee): boolean {
    const { tid } = tracee;
    const args = [0, SCRATCH_BYTES, PROT_READ_WRITE, MAP_FLAGS, -1, 0];
    const address = inject(this.#tracing, tid, this.#tracing.kernel.machine.calls.mmap, args, (waited) =>
      this.handle(waited),
    );
    if (address === undefined) return false;
    tracee.space.scratch = { address, used: 0, vectorsUsed: 0 };
    this.#tracing.resume(tid);
    return false;
  }

  #apply(tracee: Tracee, args: readonly number[], outcome: Outcome): void {
    const { tid } = tracee;
    if (outcome === "native") return this.#tracing.resume(tid);
    if (typeof outcome === "number") return this.#answer(tid, outcome);
    const failed = applyRewrite(this.#tracing, tracee, args, outcome);
    if (failed < 0) return this.#answer(tid, failed);
    this.#tracing.resume(tid, 0, true);
  }

  #answer(tid: number, result: number): void {
    this.#tracing.setCall(tid, -1);
    this.#tracing.setRegister(this.#tracing.kernel.machine.registers.result, result);
    this.#tracing.writeRegisters(tid);
    this.#tracing.resume(tid);
  }

  #returned(tracee: Tracee): void {
    const { tid, pending } = tracee;
    const wasStart = !this.#started && tracee.next !== undefined;
    tracee.pending = undefined;
    tracee.next = undefined;
    if (this.#tracing.readRegisters(tid) < 0) return;
    const at = this.#tracing.kernel.machine.registers.result;
    const result = this.#tracing.register(at);
    if (wasStart && result < 0) return this.#refuse(-result);
    const other = pending?.atExit?.(result);
    const changes = [...(pending?.registers ?? []), ...(other === undefined ? [] : [[at, other] as const])];
    for (const [offset, value] of changes) this.#tracing.setRegister(offset, value);
    if (changes.length > 0) this.#tracing.writeRegisters(tid);
    this.#tracing.resume(tid);
  }

  #refuse(errno: number): void {
    this.end = { kind: "refused", errno };
    killProcess(this.#first.pid);
  }

  #executed(tracee: Tracee): void {
    const { next } = tracee;
    this.#started = true;
    const former = this.#tracing.eventMessage(tracee.tid);
    // Where another thread than the first did it, it has taken the first one's id.
    const source = former === tracee.tid ? next : this.#threads.get(former)?.next;
    if (former !== tracee.tid) this.#threads.remove(former);
    tracee.space = {};
    tracee.pending = undefined;
    tracee.next = undefined;
    if (source !== undefined) {
      tracee.program = source.program;
      tracee.credentials = source.credentials;
    }
    this.#tracing.resume(tracee.tid);
  }
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, SIGKILL);
  } catch {
    // It has ended.
  }
}
