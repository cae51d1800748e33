import { putText } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { int, placeOf } from "./context.ts";
import type { Call, Handler } from "./context.ts";
import type { FakeOwner } from "./owner-book.ts";
import { AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, ERRNO, FILE_TYPE } from "./places.ts";
import type { Place } from "./places.ts";
import type { Outcome } from "./tracee.ts";

type Found = Place | number;

/** Calls that give files other names, done here and not by the program: one stop each, and what is kept by name moves along. */
export const NAME_CALLS = {
  unlink: (call) => remove(call, placeOf(call, 0, { follow: false }), 0),
  rmdir: (call) => remove(call, placeOf(call, 0, { follow: false }), AT_REMOVEDIR),
  unlinkat: (call) => remove(call, placeOf(call, 1, { at: 0, follow: false }), int(call, 2)),
  rename: (call) => rename(call, { from: 0, to: 1 }, 0),
  renameat: (call) => rename(call, { fromAt: 0, from: 1, toAt: 2, to: 3 }, 0),
  renameat2: (call) => rename(call, { fromAt: 0, from: 1, toAt: 2, to: 3 }, int(call, 4)),
  link: (call) => link(call, { from: 0, to: 1 }, 0),
  linkat: (call) => link(call, { fromAt: 0, from: 1, toAt: 2, to: 3 }, int(call, 4)),
} as const satisfies Readonly<Record<string, Handler>>;

function remove(call: Call, place: Found, flags: number): Outcome {
  if (typeof place !== "object") return place;
  if (place.mode === undefined) return -ERRNO.ENOENT;
  if (place.readOnly) return -ERRNO.EROFS;
  if (place.mountPoint === true) return -ERRNO.EBUSY;
  const { kernel } = call.context.tracing;
  if ((flags & AT_REMOVEDIR) !== 0) call.context.places.forget();
  const result = kernel.call(kernel.machine.calls.unlinkat, AT_FDCWD, putText(kernel, AREAS.path, place.host), flags);
  if (result === 0) forgetName(call, place);
  return result;
}

interface TwoPaths {
  readonly fromAt?: number;
  readonly from: number;
  readonly toAt?: number;
  readonly to: number;
}

function twoPlaces(
  call: Call,
  { fromAt, from, toAt, to }: TwoPaths,
  follow: boolean,
): readonly [Place, Place] | number {
  const source = placeOf(call, from, { at: fromAt, follow });
  if (typeof source !== "object") return source;
  if (source.mode === undefined) return -ERRNO.ENOENT;
  const target = placeOf(call, to, { at: toAt, follow: false });
  if (typeof target !== "object") return target;
  return target.readOnly ? -ERRNO.EROFS : [source, target];
}

function rename(call: Call, paths: TwoPaths, flags: number): Outcome {
  const places = twoPlaces(call, paths, false);
  if (typeof places !== "object") return places;
  const [source, target] = places;
  if (source.readOnly) return -ERRNO.EROFS;
  if (source.mountPoint === true || target.mountPoint === true) return -ERRNO.EBUSY;
  const { kernel } = call.context.tracing;
  call.context.places.forget();
  const said = ownerByName(call, source);
  const [from, to] = [putText(kernel, AREAS.path, source.host), putText(kernel, AREAS.path2, target.host)];
  const result = kernel.call(kernel.machine.calls.renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
  if (result < 0) return result;
  forgetName(call, source);
  if (said !== undefined) call.context.book.name(target.host, said);
  else forgetName(call, target);
  return 0;
}

function link(call: Call, paths: TwoPaths, flags: number): Outcome {
  const places = twoPlaces(call, paths, (flags & AT_SYMLINK_FOLLOW) !== 0);
  if (typeof places !== "object") return places;
  const [source, target] = places;
  const { kernel } = call.context.tracing;
  const said = ownerByName(call, source);
  const [from, to] = [putText(kernel, AREAS.path, source.host), putText(kernel, AREAS.path2, target.host)];
  const how = source.throughLink ? AT_SYMLINK_FOLLOW : 0;
  const result = kernel.call(kernel.machine.calls.linkat, AT_FDCWD, from, AT_FDCWD, to, how);
  if (result === 0 && said !== undefined) call.context.book.name(target.host, said);
  return result;
}

/** Whether something is kept of a place by its name, not with the file. */
function isKeptByName({ mode = FILE_TYPE.regular, throughLink }: Place): boolean {
  const type = mode & FILE_TYPE.mask;
  return !throughLink && type !== FILE_TYPE.regular && type !== FILE_TYPE.directory;
}

function ownerByName({ context }: Call, place: Place): FakeOwner | undefined {
  if (!isKeptByName(place) || place.mode === undefined) return undefined;
  return context.book.find({ mode: place.mode }, place.host, false);
}

function forgetName({ context }: Call, place: Place): void {
  if (isKeptByName(place)) context.book.name(place.host, undefined);
}
