import { getLong } from "../../sys/trace/kernel.ts";
import type { Tracing } from "../../sys/trace/tracing.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import type { FileState, Files } from "./files.ts";
import type { FakeOwner, OwnerBook } from "./owner-book.ts";
import { AT_EMPTY_PATH, AT_FDCWD, ERRNO } from "./places.ts";
import type { Place, Places } from "./places.ts";
import type { Outcome, Tracee } from "./tracee.ts";

/** What all calls are handled with. */
export interface Context {
  readonly tracing: Tracing;
  readonly files: Files;
  readonly places: Places;
  readonly book: OwnerBook;
  /** The ids of files that are ours, as a stat shows them: to the programs they are root's. */
  readonly own: { readonly uid: number; readonly gid: number };
  /** Threads by id. */
  readonly tracees: ReadonlyMap<number, Tracee>;
}

/** A call that a program is about to make. */
export interface Call {
  readonly tracee: Tracee;
  readonly args: readonly number[];
  readonly context: Context;
}

export type Handler = (call: Call) => Outcome;

/** Argument `index` as a C int. */
export function int({ args }: Call, index: number): number {
  return (args[index] ?? 0) | 0;
}

export function word({ args }: Call, index: number): number {
  return args[index] ?? 0;
}

/**
 * The place that a path argument names. `at`: the argument that its directory's descriptor is in; without
 * one it is the current directory. Or an errno.
 */
export function placeOf(
  call: Call,
  path: number,
  { at, follow, emptyIsDescriptor = false }: PlaceOptions,
): Place | number {
  const { tracee, context } = call;
  const text = context.tracing.readText(tracee.tid, word(call, path));
  if (typeof text === "number") return text;
  const directory = at === undefined ? AT_FDCWD : int(call, at);
  if (text !== "") return context.places.find(tracee, directory, text, follow);
  return emptyIsDescriptor ? placeOfDescriptor(call, directory) : -ERRNO.ENOENT;
}

export interface PlaceOptions {
  readonly at?: number | undefined;
  readonly follow: boolean;
  /** The call has AT_EMPTY_PATH. */
  readonly emptyIsDescriptor?: boolean | undefined;
}

/** The open file `descriptor` itself. */
export function placeOfDescriptor({ tracee }: Pick<Call, "tracee">, descriptor: number): Place | number {
  if (descriptor < 0 && descriptor !== AT_FDCWD) return -ERRNO.EBADF;
  const host = descriptor === AT_FDCWD ? `/proc/${tracee.tid}/cwd` : `/proc/${tracee.tid}/fd/${descriptor}`;
  return { host, guest: host, mode: undefined, readOnly: false, throughLink: true };
}

/** Looks at a place. A descriptor that is not open is no file that is not there. */
export function lookAt({ files }: Context, place: Place): FileState | number {
  const state = files.look(place.host, place.throughLink);
  return state === -ERRNO.ENOENT && place.guest.startsWith("/proc/") && place.guest === place.host
    ? -ERRNO.EBADF
    : state;
}

/** What programs are to see of a file. */
export function describe(
  { own, book }: Context,
  { host, throughLink }: Pick<Place, "host" | "throughLink">,
  state: FileState,
): FakeOwner {
  const { uid, gid, mode } = state;
  return (
    book.find(state, host, throughLink) ?? { uid: uid === own.uid ? 0 : uid, gid: gid === own.gid ? 0 : gid, mode }
  );
}

/** Gives a program bytes that lie at {@link AREAS.data}: `result` where that worked. */
export function give(
  { tracee, context }: Call,
  address: number,
  offset: number,
  bytes: number,
  result: number,
): number {
  const failed = context.tracing.write(tracee.tid, address, offset, bytes);
  return failed < 0 ? failed : result;
}

/** Reads `count` words of 4 bytes. */
export function readInts({ tracee, context }: Call, address: number, count: number): readonly number[] | number {
  if (count === 0) return [];
  const got = context.tracing.read(tracee.tid, address, count * 4);
  if (got < count * 4) return -ERRNO.EFAULT;
  const { memory } = context.tracing.kernel;
  return Array.from({ length: count }, (_, index) => memory.readUInt32LE(AREAS.data + index * 4));
}

export function readLongs({ tracee, context }: Call, address: number, count: number): readonly number[] | number {
  const got = context.tracing.read(tracee.tid, address, count * 8);
  if (got < count * 8) return -ERRNO.EFAULT;
  return Array.from({ length: count }, (_, index) => getLong(context.tracing.kernel.memory, AREAS.data + index * 8));
}

export function hasEmptyPath(flags: number): boolean {
  return (flags & AT_EMPTY_PATH) !== 0;
}
