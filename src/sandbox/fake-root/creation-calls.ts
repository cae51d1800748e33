import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { errnoOf } from "../../base/errors.ts";
import { fsPath } from "../../sys/bytes-path.ts";
import { describe, int, lookAt, placeOf, readLongs, word } from "./context.ts";
import type { Call, Handler } from "./context.ts";
import { fileIds } from "./id-calls.ts";
import { isRoot } from "./credentials.ts";
import { bitsOnDisk } from "./owner-book.ts";
import { ERRNO, FILE_TYPE } from "./places.ts";
import type { Place } from "./places.ts";
import type { AtExit, Outcome } from "./tracee.ts";

/** These differ between processors; the programs have ours. */
const { O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW } = constants;
const O_ACCMODE = 3;
const O_PATH = 0o10000000;
const O_TMPFILE = 0o20000000;
const S_ISGID = 0o2000;
const OWNER_BITS = 0o700;

/** Calls that make files, which belong to whom their maker believes to be. */
export const CREATION_CALLS = {
  open: (call) => open(call, { path: 0, flags: int(call, 1), mode: 2 }),
  creat: (call) => open(call, { path: 0, flags: O_CREAT | O_TRUNC | 1, mode: 1 }),
  openat: (call) => open(call, { at: 0, path: 1, flags: int(call, 2), mode: 3 }),
  openat2: (call) => openAt2(call),
  mkdir: (call) => make(call, { path: 0, mode: 1 }, FILE_TYPE.directory),
  mkdirat: (call) => make(call, { at: 0, path: 1, mode: 2 }, FILE_TYPE.directory),
  symlink: (call) => make(call, { path: 1, mode: -1 }, FILE_TYPE.link),
  symlinkat: (call) => make(call, { at: 1, path: 2, mode: -1 }, FILE_TYPE.link),
  mknod: (call) => mknod(call, { path: 0, mode: 1 }, word(call, 2)),
  mknodat: (call) => mknod(call, { at: 0, path: 1, mode: 2 }, word(call, 3)),
} as const satisfies Readonly<Record<string, Handler>>;

/** Where a call has its arguments. */
interface Arguments {
  readonly at?: number;
  readonly path: number;
  readonly mode: number;
}

function open(call: Call, { at, path, flags, mode }: Arguments & { readonly flags: number }): Outcome {
  const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
  const place = placeOf(call, path, { at, follow });
  if (typeof place !== "object") return place;
  const isTemporary = (flags & O_TMPFILE) !== 0 && (flags & O_DIRECTORY) !== 0;
  const creates = isTemporary || ((flags & O_CREAT) !== 0 && place.mode === undefined);
  const writes = creates || (flags & (O_ACCMODE | O_TRUNC)) !== 0;
  if (place.readOnly && writes && (flags & O_PATH) === 0) return -ERRNO.EROFS;
  if (writes && !creates) letIn(call, place);
  if (!creates) return lead(place, path);
  return madeBy(call, place, path, mode, (result) => `/proc/${call.tracee.tid}/fd/${result}`, FILE_TYPE.regular);
}

/** Root may write to a file that lets nobody; we must let ourselves in first. */
function letIn({ context }: Call, place: Place): void {
  const { mode = 0o200, host, throughLink } = place;
  if ((mode & 0o200) !== 0 || (mode & FILE_TYPE.mask) !== FILE_TYPE.regular || throughLink) return;
  const state = lookAt(context, place);
  if (typeof state !== "number") context.book.put(state, host, false, describe(context, place, state));
}

/** Paths that are resolved in special ways are for few programs, and those can do without. */
function openAt2(call: Call): Outcome {
  const how = readLongs(call, word(call, 2), 3);
  if (typeof how === "number") return how;
  if ((how[2] ?? 0) !== 0) return -ERRNO.ENOSYS;
  return open(call, { at: 0, path: 1, flags: (how[0] ?? 0) | 0, mode: -1 });
}

function make(call: Call, { at, path, mode }: Arguments, type: number): Outcome {
  const place = placeOf(call, path, { at, follow: false });
  if (typeof place !== "object") return place;
  if (place.mode !== undefined) return -ERRNO.EEXIST;
  if (place.readOnly) return -ERRNO.EROFS;
  return madeBy(call, place, path, mode, () => place.host, type);
}

/** Devices cannot be made: an empty file stands for one. */
function mknod(call: Call, { at, path, mode }: Arguments, device: number): Outcome {
  const wanted = int(call, mode);
  const type = wanted & FILE_TYPE.mask;
  if (type !== FILE_TYPE.character && type !== FILE_TYPE.block)
    return make(call, { ...(at !== undefined && { at }), path, mode }, type || FILE_TYPE.regular);
  if (!isRoot(call.tracee.credentials)) return -ERRNO.EPERM;
  const place = placeOf(call, path, { at, follow: false });
  if (typeof place !== "object") return place;
  if (place.mode !== undefined) return -ERRNO.EEXIST;
  if (place.readOnly) return -ERRNO.EROFS;
  const failed = placeholder(place);
  if (failed < 0) return failed;
  const state = lookAt(call.context, place);
  if (typeof state === "number") return state;
  const said = type | (wanted & 0o7777 & ~umaskOf(call));
  return call.context.book.put(state, place.host, false, {
    ...ownerOfNew(call, place.host),
    mode: said,
    rdev: device >>> 0,
  });
}

function placeholder({ host }: Place): number {
  try {
    closeSync(openSync(fsPath(host), "wx", 0o600));
    return 0;
  } catch (error) {
    return errnoNumber(error);
  }
}

function errnoNumber(error: unknown): number {
  if (errnoOf(error) === undefined) throw error;
  return (error as NodeJS.ErrnoException).errno ?? -ERRNO.EACCES;
}

/** Lets the kernel do the call at the place that was found. */
export function lead(place: Place, path: number, atExit?: AtExit): Outcome {
  const texts = place.asWritten !== true ? [[path, place.host] as const] : [];
  if (texts.length === 0 && atExit === undefined) return "native";
  return { texts, atExit };
}

/** The same for a call that makes something, which is given its owner when it is there. */
function madeBy(
  call: Call,
  place: Place,
  path: number,
  modeArgument: number,
  where: (result: number) => string,
  type: number,
): Outcome {
  const { context } = call;
  const owner = ownerOfNew(call, place.host);
  const bits = modeArgument < 0 ? OWNER_BITS : int(call, modeArgument) & 0o7777;
  const onDisk = type === FILE_TYPE.link ? bits : bitsOnDisk(type, bits);
  if (owner.uid === 0 && owner.gid === 0 && onDisk === bits) return lead(place, path);
  const said = onDisk === bits ? undefined : type | (bits & ~umaskOf(call));
  const atExit: AtExit = (result) => {
    if (result < 0) return undefined;
    const made: Place = {
      ...place,
      host: where(result),
      throughLink: type === FILE_TYPE.regular && where(result) !== place.host,
    };
    const state = lookAt(context, made);
    if (typeof state !== "number")
      context.book.put(state, made.host, made.throughLink, { ...owner, mode: said ?? state.mode });
    return undefined;
  };
  const led = lead(place, path, atExit);
  return typeof led === "object" && onDisk !== bits
    ? { ...led, values: [[modeArgument, onDisk | (int(call, modeArgument) & ~0o7777)]] }
    : led;
}

/** The owner of what a program makes at `host`: itself, and the group of the directory where that is setgid. */
export function ownerOfNew({ tracee, context }: Call, host: string): { readonly uid: number; readonly gid: number } {
  const ids = fileIds(tracee.credentials);
  const parent = host.slice(0, host.lastIndexOf("/") + 1);
  const state = context.files.look(`${parent}.`, true);
  if (typeof state === "number") return ids;
  const directory = describe(context, { host: `${parent}.`, throughLink: true }, state);
  return (directory.mode & S_ISGID) === 0 ? ids : { uid: ids.uid, gid: directory.gid };
}

function umaskOf({ tracee }: Call): number {
  const status = readFileSync(`/proc/${tracee.tid}/status`, "latin1");
  return Number.parseInt(/^Umask:\s*(\d+)/m.exec(status)?.[1] ?? "0022", 8);
}
