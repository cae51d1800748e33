import { AREAS, DATA_BYTES } from "../../sys/trace/tracing.ts";
import type { Tracing } from "../../sys/trace/tracing.ts";
import { putLong } from "../../sys/trace/kernel.ts";
import { ERRNO } from "./places.ts";
import type { Rewrite, Tracee } from "./tracee.ts";

/** Memory in each program. Only what is used of it is there. */
export const SCRATCH_BYTES = 4 * 1024 * 1024;
/** Room for strings of calls that are under way in other threads. */
const TEXT_BYTES = 512 * 1024;
const VECTOR_BYTES = SCRATCH_BYTES - TEXT_BYTES;
const E2BIG = 7;
const CHUNK = DATA_BYTES - (DATA_BYTES % 8);

/** Gives the call that a program is in other arguments; what it had is put back when the call ends. An errno. */
export function applyRewrite(tracing: Tracing, tracee: Tracee, args: readonly number[], rewrite: Rewrite): number {
  const { tid } = tracee;
  const { texts = [], vectors = [], values = [], atExit } = rewrite;
  const changes: [argument: number, value: number][] = values.map(([argument, value]) => [argument, value]);
  for (const [argument, text] of texts) {
    const at = writeText(tracing, tracee, text);
    if (at < 0) return at;
    changes.push([argument, at]);
  }
  for (const [argument, items] of vectors) {
    const at = writeVector(tracing, tracee, items);
    if (at < 0) return at;
    changes.push([argument, at]);
  }
  const { registers } = tracing.kernel.machine;
  const offsetOf = (argument: number): number => registers.arguments[argument] ?? 0;
  const before = changes.map(([argument]) => [offsetOf(argument), args[argument] ?? 0] as const);
  for (const [argument, value] of changes) tracing.setRegister(offsetOf(argument), value);
  // An argument that makes place for the result is the kernel's to put back, where the call begins again.
  tracee.pending = { registers: before.filter(([offset]) => offset !== registers.result), atExit };
  return tracing.writeRegisters(tid);
}

function writeText(tracing: Tracing, tracee: Tracee, text: string): number {
  const at = allocate(tracee, text.length + 1);
  if (at < 0) return at;
  const failed = tracing.writeText(tracee.tid, at, text);
  return failed < 0 ? failed : at;
}

/** Strings are used up at once by the kernel, so the oldest make way for new ones. */
function allocate({ space }: Tracee, bytes: number): number {
  const { scratch } = space;
  if (scratch === undefined) return -ERRNO.EFAULT;
  const size = (bytes + 7) & ~7;
  if (scratch.used + size > TEXT_BYTES) scratch.used = 0;
  const at = scratch.address + scratch.used;
  scratch.used += size;
  return at;
}

function writeVector(tracing: Tracing, tracee: Tracee, items: readonly (number | string)[]): number {
  const { scratch } = tracee.space;
  if (scratch === undefined) return -ERRNO.EFAULT;
  const pointers: number[] = [];
  for (const item of items) {
    const at = typeof item === "number" ? item : writeText(tracing, tracee, item);
    if (at < 0) return at;
    pointers.push(at);
  }
  pointers.push(0);
  const start = allocateVector(scratch, pointers.length * 8);
  if (start < 0) return start;
  const { memory } = tracing.kernel;
  for (let done = 0; done < pointers.length;) {
    const part = pointers.slice(done, done + CHUNK / 8);
    for (const [index, pointer] of part.entries()) putLong(memory, AREAS.data + index * 8, pointer);
    const failed = tracing.write(tracee.tid, start + done * 8, AREAS.data, part.length * 8);
    if (failed < 0) return failed;
    done += part.length;
  }
  return start;
}

/** Several children of one process may be about to execute something, and all of them still share its memory. */
function allocateVector(scratch: NonNullable<Tracee["space"]["scratch"]>, bytes: number): number {
  if (bytes > VECTOR_BYTES) return -E2BIG;
  if (scratch.vectorsUsed + bytes > VECTOR_BYTES) scratch.vectorsUsed = 0;
  const at = scratch.address + TEXT_BYTES + scratch.vectorsUsed;
  scratch.vectorsUsed += bytes;
  return at;
}
