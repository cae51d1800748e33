import { getLong, putText } from "../../sys/trace/kernel.ts";
import type { Kernel } from "../../sys/trace/kernel.ts";
import { AREAS } from "../../sys/trace/tracing.ts";
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from "./places.ts";

/** What a file is. */
export interface FileState {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** `struct statx`, the same everywhere. */
export const STATX = { uid: 20, gid: 24, mode: 28, rdevMajor: 128, rdevMinor: 132, bytes: 256 } as const;

/** Files as the tracer reaches them, without a promise or an object of Node's for any. */
export interface Files {
  /** Fills {@link AREAS.stat}; an errno. */
  stat(path: string, follow: boolean): number;
  /** Fills {@link AREAS.statx}; an errno. */
  statx(path: string, flags: number, mask: number): number;
  /** What the last {@link stat} found. */
  state(): FileState;
  look(path: string, follow: boolean): FileState | number;
  readLink(path: string): string | number;
}

export function openFiles(kernel: Kernel): Files {
  const { call, memory, address, machine } = kernel;
  const { calls, stat } = machine;
  const flagsOf = (follow: boolean): number => (follow ? 0 : AT_SYMLINK_NOFOLLOW);
  const files: Files = {
    stat: (path, follow) => {
      const at = putText(kernel, AREAS.path, path);
      return call(calls.newfstatat, AT_FDCWD, at, address + AREAS.stat, flagsOf(follow));
    },
    statx: (path, flags, mask) => {
      const at = putText(kernel, AREAS.path, path);
      return call(calls.statx, AT_FDCWD, at, flags, mask, address + AREAS.statx);
    },
    state: () => ({
      dev: getLong(memory, AREAS.stat + stat.dev),
      ino: getLong(memory, AREAS.stat + stat.ino),
      mode: memory.readUInt32LE(AREAS.stat + stat.mode),
      uid: memory.readUInt32LE(AREAS.stat + stat.uid),
      gid: memory.readUInt32LE(AREAS.stat + stat.gid),
    }),
    look: (path, follow) => {
      const result = files.stat(path, follow);
      return result < 0 ? result : files.state();
    },
    readLink: (path) => {
      const at = putText(kernel, AREAS.path, path);
      const length = call(calls.readlinkat, AT_FDCWD, at, address + AREAS.path2, 4096);
      return length < 0 ? length : memory.toString("latin1", AREAS.path2, AREAS.path2 + length);
    },
  };
  return files;
}

/** The device number of major and minor, as a stat gives it. */
export function joinDevice(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + Math.floor(minor / 0x100) * 0x10_0000;
}
