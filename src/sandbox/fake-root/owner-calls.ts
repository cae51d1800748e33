import { describe, hasEmptyPath, int, lookAt, placeOf, placeOfDescriptor } from "./context.ts";
import type { Call, Handler } from "./context.ts";
import { isRoot } from "./credentials.ts";
import type { FakeOwner } from "./owner-book.ts";
import { AT_SYMLINK_NOFOLLOW, ERRNO, FILE_TYPE } from "./places.ts";
import type { Place } from "./places.ts";
import type { Outcome } from "./tracee.ts";

type Found = Place | number;

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
  const next = { ...before, uid: uid === SAME ? before.uid : uid >>> 0, gid: gid === SAME ? before.gid : gid >>> 0 };
  const mode = isRegular(before.mode) ? withoutPrivilege(before.mode) : before.mode;
  const { host, throughLink } = place;
  if (isRegular(state.mode)) context.book.setCapability(host, throughLink, undefined);
  return context.book.put(state, host, throughLink, { ...next, mode });
}

function mayChown({ tracee }: Call, file: FakeOwner, uid: number, gid: number): boolean {
  const { credentials } = tracee;
  if (isRoot(credentials)) return true;
  const isOwner = file.uid === credentials.uid.file;
  const ownGroup = gid === SAME || gid === file.gid || gid === credentials.gid.file || credentials.groups.includes(gid);
  return isOwner && (uid === SAME || uid === file.uid) && ownGroup;
}

/** Gives a file the permission bits, as chmod(2). */
export function chmod(call: Call, place: Found, bits: number): Outcome {
  if (typeof place !== "object") return place;
  const { context, tracee } = call;
  if (place.readOnly) return -ERRNO.EROFS;
  const state = lookAt(context, place);
  if (typeof state === "number") return state;
  if ((state.mode & FILE_TYPE.mask) === FILE_TYPE.link) return "native";
  const before = describe(context, place, state);
  if (!isRoot(tracee.credentials) && before.uid !== tracee.credentials.uid.file) return -ERRNO.EPERM;
  const mode = (before.mode & ~PERMISSIONS) | (bits & PERMISSIONS);
  return context.book.put(state, place.host, place.throughLink, { ...before, mode });
}

function withoutPrivilege(mode: number): number {
  return mode & ~S_ISUID & ((mode & S_IXGRP) === 0 ? ~0 : ~S_ISGID);
}

function isRegular(mode: number): boolean {
  return (mode & FILE_TYPE.mask) === FILE_TYPE.regular;
}
