import { KEPT_CAPABILITY, KEPT_NODE, formatKept, parseKept } from "../../snapshot/kept-metadata.ts";
import { readKeptName, writeKeptName } from "../../snapshot/kept-names.ts";
import type { KeptMetadata } from "../../snapshot/kept-metadata.ts";
import { errnoOf } from "../../base/errors.ts";
import { putText } from "../../sys/trace/kernel.ts";
import type { Kernel } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import type { Syscalls } from "../../sys/syscalls.ts";
import type { FileState } from "./files.ts";
import { joinDevice } from "./files.ts";
import { AT_FDCWD, ERRNO, FILE_TYPE } from "./places.ts";

/** What a file is said to be. */
export interface FakeOwner {
  readonly uid: number;
  readonly gid: number;
  /** Type and permission bits; the type of a device, where an empty file stands for one. */
  readonly mode: number;
  /** As a stat gives it; of what stands for a device. */
  readonly rdev?: number | undefined;
}

/**
 * What has been said of files, kept as `snapshot/kept-metadata.ts` tells: with the files, so that it is
 * known in later RUNs, renamed and removed with them, and nothing is to be collected. Paths lead to the
 * file itself, or to a link of /proc that does where `follow`. Numbers below 0 are errnos.
 */
export interface OwnerBook {
  /** Undefined where the file is root's or whose the disk says, with the mode on disk. */
  find(state: Pick<FileState, "mode">, path: string, follow: boolean): FakeOwner | undefined;
  /** Says it, and gives the file a mode on disk that lets its owner in, as root is let in everywhere. */
  put(state: Pick<FileState, "mode">, path: string, follow: boolean, said: FakeOwner): number;
  /** The name at `path`, which is that of a link, fifo or socket, is gone or there. */
  name(path: string, said: FakeOwner | undefined): void;
  /** Value of `security.capability`. */
  capability(path: string, follow: boolean): Buffer | undefined;
  setCapability(path: string, follow: boolean, value: Buffer | undefined): number;
}

const S_ISUID_ISGID = 0o6000;
const BITS = 0o7777;
const VALUE_BYTES = 4096;

/** What a file has to have on disk. */
export function bitsOnDisk(type: number, bits: number): number {
  return bits | ((type & FILE_TYPE.mask) === FILE_TYPE.directory ? 0o700 : 0o600);
}

export function ownerBook(kernel: Kernel, syscalls: Syscalls): OwnerBook {
  const { call, memory, address, machine } = kernel;
  const { calls } = machine;
  const paths = (path: string, name: string): [number, number] => [
    putText(kernel, AREAS.path, path),
    putText(kernel, AREAS.path2, name),
  ];
  const get = (path: string, follow: boolean, name: string): Buffer | undefined => {
    const nr = follow ? calls.getxattr : calls.lgetxattr;
    const length = call(nr, ...paths(path, name), address + AREAS.data, VALUE_BYTES);
    return length < 0 ? undefined : Buffer.from(memory.subarray(AREAS.data, AREAS.data + length));
  };
  const set = (path: string, follow: boolean, name: string, value: Buffer): number => {
    value.copy(memory, AREAS.data);
    const nr = follow ? calls.setxattr : calls.lsetxattr;
    return call(nr, ...paths(path, name), address + AREAS.data, value.length);
  };
  const remove = (path: string, follow: boolean, name: string): number => {
    const result = call(follow ? calls.removexattr : calls.lremovexattr, ...paths(path, name));
    // ENOTSUP: there is nothing to remove either.
    return result === -ERRNO.ENODATA || result === -ERRNO.ENOTSUP ? 0 : result;
  };
  const chmod = (path: string, bits: number): number =>
    call(calls.fchmodat, AT_FDCWD, putText(kernel, AREAS.path, path), bits);
  const putName = (path: string, said: FakeOwner | undefined): number => {
    const [directory, name] = splitPath(path);
    try {
      writeKeptName(directory, name, said && { ...said, mode: said.mode & BITS }, syscalls);
      return 0;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return -ERRNO.EPERM;
    }
  };
  return {
    find: ({ mode }, path, follow) => {
      if (isKeeper(mode)) {
        const value = get(path, follow, KEPT_NODE);
        return value === undefined ? undefined : saidOf(parseKept(value.toString("latin1")), mode);
      }
      if (follow || isDevice(mode)) return undefined;
      const [directory, name] = splitPath(path);
      return saidOf(readKeptName(directory, name, syscalls), mode);
    },
    put: (state, path, follow, said) => {
      const bits = said.mode & BITS;
      const onDisk = isKeeper(state.mode) ? bitsOnDisk(state.mode, bits) : bits;
      const isLink = (state.mode & FILE_TYPE.mask) === FILE_TYPE.link;
      const failed = isLink || (state.mode & BITS) === onDisk ? 0 : chmod(path, onDisk);
      if (failed < 0) return failed;
      if (!isKeeper(state.mode)) return follow ? 0 : putName(path, said);
      // Files that are written to lose these on disk, and keep them where root writes.
      const isSpecial = (bits & S_ISUID_ISGID) !== 0 && (state.mode & FILE_TYPE.mask) === FILE_TYPE.regular;
      const isPlain = said.uid === 0 && said.gid === 0 && bits === onDisk && !isSpecial && !isDevice(said.mode);
      if (isPlain) return remove(path, follow, KEPT_NODE);
      const result = set(path, follow, KEPT_NODE, Buffer.from(formatKept(keptOf(said)), "latin1"));
      return result === -ERRNO.ENOTSUP ? -ERRNO.EPERM : result;
    },
    name: putName,
    capability: (path, follow) => get(path, follow, KEPT_CAPABILITY),
    setCapability: (path, follow, value) =>
      value === undefined ? remove(path, follow, KEPT_CAPABILITY) : set(path, follow, KEPT_CAPABILITY, value),
  };
}

function saidOf(kept: KeptMetadata | undefined, mode: number): FakeOwner | undefined {
  if (kept === undefined) return undefined;
  const { uid, gid, device } = kept;
  if (device === undefined) return { uid, gid, mode: (mode & FILE_TYPE.mask) | kept.mode };
  const type = device.type === "char" ? FILE_TYPE.character : FILE_TYPE.block;
  return { uid, gid, mode: type | kept.mode, rdev: joinDevice(device.major, device.minor) };
}

function keptOf({ uid, gid, mode, rdev = 0 }: FakeOwner): KeptMetadata {
  const kept = { uid, gid, mode: mode & BITS };
  if (!isDevice(mode)) return kept;
  const type = (mode & FILE_TYPE.mask) === FILE_TYPE.character ? "char" : "block";
  return { ...kept, device: { type, ...splitDevice(rdev) } };
}

/** As mknod(2) is given it and a stat gives it. */
export function splitDevice(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: Math.floor(rdev / 0x100) & 0xfff, minor: (rdev & 0xff) | (Math.floor(rdev / 0x10_0000) * 0x100) };
}

function isKeeper(mode: number): boolean {
  const type = mode & FILE_TYPE.mask;
  return type === FILE_TYPE.regular || type === FILE_TYPE.directory;
}

function isDevice(mode: number): boolean {
  const type = mode & FILE_TYPE.mask;
  return type === FILE_TYPE.character || type === FILE_TYPE.block;
}

/** The directory by its `.`, so that no link stands for it. */
function splitPath(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf("/");
  return [`${path.slice(0, slash)}/.`, path.slice(slash + 1)];
}
