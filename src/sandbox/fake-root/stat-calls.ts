import { putLong } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { give, hasEmptyPath, int, placeOf, placeOfDescriptor, word } from "./context.ts";
import type { Call, Context, Handler } from "./context.ts";
import { STATX } from "./files.ts";
import { splitDevice } from "./owner-book.ts";
import { AT_SYMLINK_NOFOLLOW, ERRNO } from "./places.ts";
import type { Place } from "./places.ts";
import type { Outcome } from "./tracee.ts";

/** STATX_TYPE and STATX_MODE: what is looked up by type. */
const WANTED = 0x3;

/** stat(2) and what has become of it: owners, modes and devices are those that were set. */
export const STAT_CALLS = {
  stat: (call) => stat(call, placeOf(call, 0, { follow: true }), 1),
  lstat: (call) => stat(call, placeOf(call, 0, { follow: false }), 1),
  fstat: (call) => stat(call, placeOfDescriptor(call, int(call, 0)), 1),
  newfstatat: (call) => {
    const flags = int(call, 3);
    const follow = (flags & AT_SYMLINK_NOFOLLOW) === 0;
    return stat(call, placeOf(call, 1, { at: 0, follow, emptyIsDescriptor: hasEmptyPath(flags) }), 2);
  },
  statx: (call) => {
    const flags = int(call, 2);
    const follow = (flags & AT_SYMLINK_NOFOLLOW) === 0;
    // Since Linux 6.11 no path at all means the descriptor, too.
    const place =
      word(call, 1) === 0 && hasEmptyPath(flags)
        ? placeOfDescriptor(call, int(call, 0))
        : placeOf(call, 1, { at: 0, follow, emptyIsDescriptor: hasEmptyPath(flags) });
    return statx(call, place, flags);
  },
} as const satisfies Readonly<Record<string, Handler>>;

function stat(call: Call, place: Place | number, buffer: number): Outcome {
  if (typeof place !== "object") return place;
  const { files } = call.context;
  const result = files.stat(place.host, place.throughLink);
  if (result < 0) return missing(place, result);
  disguiseStat(call.context, place);
  return give(call, word(call, buffer), AREAS.stat, call.context.tracing.kernel.machine.stat.bytes, 0);
}

/** Puts what was set into {@link AREAS.stat}. */
function disguiseStat(context: Context, place: Place): void {
  const { tracing, files, book, own } = context;
  const { memory, machine } = tracing.kernel;
  const owner = book.find(files.state(), place.host, place.throughLink);
  const [uidAt, gidAt] = [AREAS.stat + machine.stat.uid, AREAS.stat + machine.stat.gid];
  if (owner !== undefined) {
    memory.writeUInt32LE(owner.uid, uidAt);
    memory.writeUInt32LE(owner.gid, gidAt);
    memory.writeUInt32LE(owner.mode, AREAS.stat + machine.stat.mode);
    if (owner.rdev !== undefined) putLong(memory, AREAS.stat + machine.stat.rdev, owner.rdev);
    return;
  }
  if (memory.readUInt32LE(uidAt) === own.uid) memory.writeUInt32LE(0, uidAt);
  if (memory.readUInt32LE(gidAt) === own.gid) memory.writeUInt32LE(0, gidAt);
}

function statx(call: Call, place: Place | number, flags: number): Outcome {
  if (typeof place !== "object") return place;
  const { context } = call;
  const ours = (flags & ~AT_SYMLINK_NOFOLLOW) | (place.throughLink ? 0 : AT_SYMLINK_NOFOLLOW);
  const wanted = int(call, 3) | WANTED;
  const result = context.files.statx(place.host, ours & ~0x1000, wanted);
  if (result < 0) return missing(place, result);
  disguiseStatx(context, place);
  return give(call, word(call, 4), AREAS.statx, STATX.bytes, 0);
}

function disguiseStatx({ tracing, book, own }: Context, place: Place): void {
  const { memory } = tracing.kernel;
  const at = (offset: number): number => AREAS.statx + offset;
  const owner = book.find({ mode: memory.readUInt16LE(at(STATX.mode)) }, place.host, place.throughLink);
  if (owner !== undefined) {
    memory.writeUInt32LE(owner.uid, at(STATX.uid));
    memory.writeUInt32LE(owner.gid, at(STATX.gid));
    memory.writeUInt16LE(owner.mode, at(STATX.mode));
    if (owner.rdev !== undefined) writeDevice(memory, owner.rdev);
    return;
  }
  if (memory.readUInt32LE(at(STATX.uid)) === own.uid) memory.writeUInt32LE(0, at(STATX.uid));
  if (memory.readUInt32LE(at(STATX.gid)) === own.gid) memory.writeUInt32LE(0, at(STATX.gid));
}

function writeDevice(memory: Buffer, rdev: number): void {
  const { major, minor } = splitDevice(rdev);
  memory.writeUInt32LE(major, AREAS.statx + STATX.rdevMajor);
  memory.writeUInt32LE(minor, AREAS.statx + STATX.rdevMinor);
}

/** The link that stands for a descriptor is not there: it is not open. */
function missing(place: Place, errno: number): number {
  return errno === -ERRNO.ENOENT && place.host === place.guest && place.throughLink ? -ERRNO.EBADF : errno;
}
