import { CALLS } from "../../sys/trace/call-numbers.ts";
import { putText } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { describe, hasEmptyPath, int, lookAt, placeOf, placeOfDescriptor } from "./context.ts";
import type { Call, Context, Handler } from "./context.ts";
import { isRoot } from "./credentials.ts";
import type { FileState } from "./files.ts";
import type { FakeOwner } from "./owners.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, ERRNO, FILE_TYPE } from "./places.ts";
import type { Place } from "./places.ts";
import type { Outcome } from "./tracee.ts";

type Found = Place | number | "native";

const S_ISUID = 0o4000;
const S_ISGID = 0o2000;
const S_IXGRP = 0o010;
const PERMISSIONS = 0o7777;
/** As an id: leave it. */
const SAME = -1;

/** chown(2), chmod(2) and what has become of them: said, remembered, and done as far as we may. */
export const OWNER_CALLS = {
  chown: (call) => chown(call, placeOf(call, 0, { follow: true }), int(call, 1), int(call, 2)),
  lchown: (call) => chown(call, placeOf(call, 0, { follow: false }), int(call, 1), int(call, 2)),
  fchown: (call) => chown(call, placeOfDescriptor(call, int(call, 0)), int(call, 1), int(call, 2)),
  fchownat: (call) => chown(call, placeAt(call, int(call, 4)), int(call, 2), int(call, 3)),
  chmod: (call) => chmod(call, placeOf(call, 0, { follow: true }), int(call, 1)),
  fchmod: (call) => chmod(call, placeOfDescriptor(call, int(call, 0)), int(call, 1)),
  fchmodat: (call) => chmod(call, placeOf(call, 1, { at: 0, follow: true }), int(call, 2)),
  fchmodat2: (call) => chmod(call, placeAt(call, int(call, 3)), int(call, 2)),
} as const satisfies Readonly<Record<string, Handler>>;

function placeAt(call: Call, flags: number): Found {
  const follow = (flags & AT_SYMLINK_NOFOLLOW) === 0;
  return placeOf(call, 1, { at: 0, follow, emptyIsDescriptor: hasEmptyPath(flags) });
}

function chown(call: Call, place: Found, uid: number, gid: number): Outcome {
  if (typeof place !== "object") return place;
  const { context } = call;
  if (place.readOnly) return -ERRNO.EROFS;
  const state = lookAt(context, place);
  if (typeof state === "number") return state;
  const before = describe(context, place, state);
  if (!mayChown(call, before, uid, gid)) return -ERRNO.EPERM;
  // Changes nothing but the time of change, and what a layer is made of notices that.
  touch(context, place);
  const next = { ...before, uid: uid === SAME ? before.uid : uid >>> 0, gid: gid === SAME ? before.gid : gid >>> 0 };
  const mode = isRegular(before.mode) ? withoutPrivilege(before.mode) : before.mode;
  const capability = isDirectory(before.mode) ? before.capability : undefined;
  remember(context, place, state, { ...next, mode, capability });
  return 0;
}

function mayChown({ tracee }: Call, file: FakeOwner, uid: number, gid: number): boolean {
  const { credentials } = tracee;
  if (isRoot(credentials)) return true;
  const isOwner = file.uid === credentials.uid.file;
  const ownGroup = gid === SAME || gid === file.gid || gid === credentials.gid.file || credentials.groups.includes(gid);
  return isOwner && (uid === SAME || uid === file.uid) && ownGroup;
}

function touch({ tracing }: Context, place: Place): void {
  const { kernel } = tracing;
  const path = putText(kernel, AREAS.path, place.host);
  const flags = place.throughLink ? 0 : AT_SYMLINK_NOFOLLOW;
  kernel.call(CALLS.fchownat, AT_FDCWD, path, SAME, SAME, flags);
}

function chmod(call: Call, place: Found, bits: number): Outcome {
  if (typeof place !== "object") return place;
  const { context, tracee } = call;
  if (place.readOnly) return -ERRNO.EROFS;
  const state = lookAt(context, place);
  if (typeof state === "number") return state;
  if ((state.mode & FILE_TYPE.mask) === FILE_TYPE.link) return "native";
  const before = describe(context, place, state);
  if (!isRoot(tracee.credentials) && before.uid !== tracee.credentials.uid.file) return -ERRNO.EPERM;
  const result = setMode(context, place, accessible(context, state.mode, bits & PERMISSIONS));
  if (result < 0) return result;
  const mode = (before.mode & ~PERMISSIONS) | (bits & PERMISSIONS);
  remember(context, place, { ...state, mode: (state.mode & ~PERMISSIONS) | accessible(context, state.mode, bits & PERMISSIONS) }, { ...before, mode });
  return 0;
}

function setMode({ tracing }: Context, place: Place, mode: number): number {
  const { kernel } = tracing;
  return kernel.call(CALLS.fchmodat, AT_FDCWD, putText(kernel, AREAS.path, place.host), mode);
}

/** The bits that a file gets on disk. Root is let in everywhere, and who only plays root owns everything. */
export function accessible({ keepsAccess }: Context, type: number, bits: number): number {
  if (!keepsAccess) return bits;
  return bits | (isDirectory(type) ? 0o700 : 0o600);
}

/** Keeps what the disk does not hold; `state` is what it holds now. */
export function remember(context: Context, place: Place, state: FileState, said: FakeOwner & { mode: number }): void {
  const { book } = context;
  // A file that is written to loses these on disk, and keeps them where root writes.
  const special = (said.mode & (S_ISUID | S_ISGID)) !== 0 && isRegular(said.mode);
  const mode = special || said.mode !== state.mode ? said.mode : undefined;
  const plain = said.uid === 0 && said.gid === 0 && mode === undefined && said.capability === undefined;
  if (plain) book.drop(state);
  else book.put(state, place.host, place.throughLink, { ...said, mode });
}

function withoutPrivilege(mode: number): number {
  return mode & ~S_ISUID & ((mode & S_IXGRP) === 0 ? ~0 : ~S_ISGID);
}

function isRegular(mode: number): boolean {
  return (mode & FILE_TYPE.mask) === FILE_TYPE.regular;
}

function isDirectory(mode: number): boolean {
  return (mode & FILE_TYPE.mask) === FILE_TYPE.directory;
}
