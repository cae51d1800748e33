import { putText } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { describe, give, hasEmptyPath, int, lookAt, placeOf, placeOfDescriptor, word } from "../fake-root/context.ts";
import type { Call, Handler } from "../fake-root/context.ts";
import type { Credentials } from "../fake-root/credentials.ts";
import { lead } from "../fake-root/creation-calls.ts";
import type { FakeOwner } from "../fake-root/owner-book.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, ERRNO, FILE_TYPE } from "../fake-root/places.ts";
import type { Place } from "../fake-root/places.ts";
import type { Outcome } from "../fake-root/tracee.ts";

type Found = Place | number;

const WRITABLE = 2;
const EXECUTABLE = 1;
const AT_EACCESS = 0x200;
const IN_DONT_FOLLOW = 0x0200_0000;
const ANY_EXECUTE = 0o111;

/** Calls that take paths and have nothing to do with owners. Those that are answered here cost one stop, others two. */
export const PATH_CALLS = {
  access: (call) => access(call, placeOf(call, 0, { follow: true }), int(call, 1), false),
  faccessat: (call) => access(call, placeOf(call, 1, { at: 0, follow: true }), int(call, 2), false),
  faccessat2: (call) => accessAt(call, int(call, 3)),
  readlink: (call) => readLink(call, placeOf(call, 0, { follow: false }), 1),
  readlinkat: (call) => readLink(call, placeOf(call, 1, { at: 0, follow: false, emptyIsDescriptor: true }), 2),
  getcwd: (call) => getCurrentDirectory(call),
  chdir: (call) => through(call, 0, { follow: true }),
  statfs: (call) => through(call, 0, { follow: true }),
  truncate: (call) => through(call, 0, { follow: true, writes: true }),
  utime: (call) => through(call, 0, { follow: true, writes: true }),
  utimes: (call) => through(call, 0, { follow: true, writes: true }),
  futimesat: (call) => (word(call, 1) === 0 ? "native" : through(call, 1, { at: 0, follow: true, writes: true })),
  utimensat: (call) => {
    if (word(call, 1) === 0) return "native";
    return through(call, 1, { at: 0, follow: (int(call, 3) & AT_SYMLINK_NOFOLLOW) === 0, writes: true });
  },
  inotify_add_watch: (call) => through(call, 1, { follow: (int(call, 2) & IN_DONT_FOLLOW) === 0 }),
  chroot: (call) => {
    const place = placeOf(call, 0, { follow: true });
    return typeof place !== "object" ? place : place.guest === "/" ? 0 : -ERRNO.EPERM;
  },
} as const satisfies Readonly<Record<string, Handler>>;

interface Through {
  readonly at?: number;
  readonly follow: boolean;
  readonly writes?: boolean;
}

function through(call: Call, path: number, { at, follow, writes = false }: Through): Outcome {
  const place = placeOf(call, path, { at, follow, emptyIsDescriptor: false });
  if (typeof place !== "object") return place;
  if (writes && place.readOnly) return -ERRNO.EROFS;
  return lead(place, path);
}

function accessAt(call: Call, flags: number): Outcome {
  const follow = (flags & AT_SYMLINK_NOFOLLOW) === 0;
  const place = placeOf(call, 1, { at: 0, follow, emptyIsDescriptor: hasEmptyPath(flags) });
  return access(call, place, int(call, 2), (flags & AT_EACCESS) !== 0);
}

function access(call: Call, place: Found, wanted: number, effective: boolean): Outcome {
  if (typeof place !== "object") return place;
  const { context, tracee } = call;
  const state = lookAt(context, place);
  if (typeof state === "number") return state;
  if (place.readOnly && (wanted & WRITABLE) !== 0) return -ERRNO.EROFS;
  const { uid, gid } = tracee.credentials;
  const ids = effective ? { uid: uid.effective, gid: gid.effective } : { uid: uid.real, gid: gid.real };
  return mayAccess(describe(context, place, state), wanted, ids, tracee.credentials) ? 0 : -ERRNO.EACCES;
}

/** As the kernel decides by owner and mode. */
export function mayAccess(
  file: FakeOwner,
  wanted: number,
  ids: { readonly uid: number; readonly gid: number },
  { groups }: Credentials,
): boolean {
  if (ids.uid === 0) {
    const isDirectory = (file.mode & FILE_TYPE.mask) === FILE_TYPE.directory;
    return (wanted & EXECUTABLE) === 0 || isDirectory || (file.mode & ANY_EXECUTE) !== 0;
  }
  const inGroup = file.gid === ids.gid || groups.includes(file.gid);
  const shift = file.uid === ids.uid ? 6 : inGroup ? 3 : 0;
  return ((file.mode >> shift) & wanted & 7) === (wanted & 7);
}

function readLink(call: Call, place: Found, buffer: number): Outcome {
  if (typeof place !== "object") return place;
  const { context } = call;
  const text = place.linkText ?? textOf(call, place);
  if (typeof text === "number") return text;
  const { memory } = context.tracing.kernel;
  const room = int(call, buffer + 1);
  if (room <= 0) return -ERRNO.EINVAL;
  const length = Math.min(memory.write(text, AREAS.data, "latin1"), room);
  return give(call, word(call, buffer), AREAS.data, length, length);
}

function textOf({ context }: Call, place: Place): string | number {
  if (place.mode === undefined && !place.throughLink) return -ERRNO.ENOENT;
  return context.files.readLink(place.host);
}

function getCurrentDirectory(call: Call): Outcome {
  const { context, tracee } = call;
  const here = placeOfDescriptor(call, AT_FDCWD);
  const host = typeof here === "number" ? here : context.files.readLink(`/proc/${tracee.tid}/cwd`);
  if (typeof host === "number") return host;
  const guest = host.endsWith(" (deleted)") ? undefined : context.places.guestName(host);
  if (guest === undefined) return -ERRNO.ENOENT;
  if (guest.length + 1 > word(call, 1)) return -ERRNO.ERANGE;
  putText(context.tracing.kernel, AREAS.data, guest);
  return give(call, word(call, 0), AREAS.data, guest.length + 1, guest.length + 1);
}
