import { readdirSync } from "node:fs";
import type { BytesPath } from "./bytes-path.ts";
import type { Syscalls } from "./syscalls.ts";

type CType = "int" | "long" | "unsigned int" | "unsigned long" | "uint64_t" | "void *";
type CFunction = (...values: readonly (number | bigint | Uint8Array | Uint32Array | null)[]) => number;

/** A C library, as far as it is needed. */
export interface Libc {
  /** Throws where the library has no such function. */
  bind(name: string, result: CType, parameters: readonly CType[]): CFunction;
  /** Of the last call. */
  errno(): number;
  errnoName(number: number): string;
  /** Where the bytes of an array are, for as long as it is kept. */
  addressOf(array: Uint8Array): bigint;
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_SYMLINK_FOLLOW = 0x400;
const STATX_BASIC_STATS = 0x7ff;
const LOCKS = { shared: 1, exclusive: 2, unlock: 8 } as const;
const LOCK_NB = 4;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/** The same on every architecture, as all calls from 424 on. */
const SYS_CLOSE_RANGE = 436;
const CLOSE_RANGE_CLOEXEC = 4;
const SECOND = 1_000_000_000n;
const XATTR_VALUE_MAX = 65536;

/** All calls share a few buffers, since none of them keeps what it is given. */
export function makeSyscalls(libc: Libc): Syscalls {
  const call = caller(libc);
  return { ...mounts(libc, call), ...attributes(libc, call), ...nodes(libc, call), ...descriptors(libc, call) };
}

type Call = (name: string, path: BytesPath | undefined, run: () => number, expected?: readonly string[]) => number;

const NONE: readonly string[] = [];
const NO_ATTRIBUTE = ["ENODATA", "ENOTSUP"];

/** Runs a call until it is not interrupted. Answers -1 for an `expected` error, throws as Node would for others. */
function caller(libc: Libc): Call {
  return (name, path, run, expected = NONE) => {
    for (;;) {
      const result = run();
      if (result !== -1) return result;
      const errno = libc.errno();
      const code = libc.errnoName(errno);
      if (expected.includes(code)) return -1;
      if (code !== "EINTR") throw systemError(code, errno, name, path);
    }
  };
}

function mounts(libc: Libc, call: Call): Pick<Syscalls, "mount" | "unmount"> {
  const mount = libc.bind("mount", "int", ["void *", "void *", "void *", "unsigned long", "void *"]);
  const umount2 = libc.bind("umount2", "int", ["void *", "int"]);
  return {
    mount: (source, target, type, flags, data) => {
      const at = cString(target);
      const options = data === undefined ? null : cString(data);
      call("mount", target, () => mount(cString(source), at, cString(type), flags, options));
    },
    unmount: (target, flags) => {
      call("umount2", target, () => umount2(cString(target), flags));
    },
  };
}

function attributes(libc: Libc, call: Call): Pick<Syscalls, "lgetxattr" | "llistxattr" | "lsetxattr" | "lremovexattr"> {
  const get = libc.bind("lgetxattr", "long", ["void *", "void *", "void *", "unsigned long"]);
  const list = libc.bind("llistxattr", "long", ["void *", "void *", "unsigned long"]);
  const set = libc.bind("lsetxattr", "int", ["void *", "void *", "void *", "unsigned long", "int"]);
  const remove = libc.bind("lremovexattr", "int", ["void *", "void *"]);
  // The kernel's own limit of a value and of a list, so that no call has to be repeated with more room.
  const room = Buffer.alloc(XATTR_VALUE_MAX);
  const path = pathBuffer();
  const attribute = pathBuffer();
  return {
    lgetxattr: (file, name) => {
      const length = call("lgetxattr", file, () => get(path(file), attribute(name), room, room.length), NO_ATTRIBUTE);
      return length === -1 ? undefined : Buffer.from(room.subarray(0, length));
    },
    llistxattr: (file) => {
      const length = call("llistxattr", file, () => list(path(file), room, room.length), NO_ATTRIBUTE);
      return length <= 0
        ? []
        : room
            .toString("latin1", 0, length - 1)
            .split("\0")
            .sort();
    },
    lsetxattr: (file, name, value) => {
      call("lsetxattr", file, () => set(path(file), attribute(name), value, value.length, 0));
    },
    lremovexattr: (file, name) => {
      call("lremovexattr", file, () => remove(path(file), attribute(name)));
    },
  };
}

function nodes(libc: Libc, call: Call): Pick<Syscalls, "mknod" | "utimens" | "linkFollowing" | "statx"> {
  const mknod = bindMknod(libc);
  const utimensat = libc.bind("utimensat", "int", ["int", "void *", "void *", "int"]);
  const statx = libc.bind("statx", "int", ["int", "void *", "int", "unsigned int", "void *"]);
  const linkat = libc.bind("linkat", "int", ["int", "void *", "int", "void *", "int"]);
  const path = pathBuffer();
  const other = pathBuffer();
  // struct timespec[2]: seconds and nanoseconds are 64 bit wide on every 64-bit Linux.
  const times = new BigInt64Array(4);
  const timesBytes = new Uint8Array(times.buffer);
  return {
    mknod: (file, mode, major = 0, minor = 0) => {
      call("mknod", file, () => mknod(path(file), mode, deviceNumber(major, minor)));
    },
    utimens: (file, mtime, follow = false) => {
      const nanoseconds = ((mtime % SECOND) + SECOND) % SECOND;
      times[0] = times[2] = (mtime - nanoseconds) / SECOND;
      times[1] = times[3] = nanoseconds;
      call("utimensat", file, () => utimensat(AT_FDCWD, path(file), timesBytes, follow ? 0 : AT_SYMLINK_NOFOLLOW));
    },
    statx: (fd, name, into) =>
      call("statx", name, () => statx(fd, path(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, into), ["ENOENT"]) !== -1,
    linkFollowing: (target, file) => {
      call("linkat", file, () => linkat(AT_FDCWD, path(target), AT_FDCWD, other(file), AT_SYMLINK_FOLLOW));
    },
  };
}

function descriptors(libc: Libc, call: Call): Pick<Syscalls, "flock" | "closeOnExecFrom" | "syncfs"> {
  const flock = libc.bind("flock", "int", ["int", "int"]);
  const fcntl = libc.bind("fcntl", "int", ["int", "int", "int"]);
  const syncfs = libc.bind("syncfs", "int", ["int"]);
  const syscall = libc.bind("syscall", "long", ["long", "unsigned int", "unsigned int", "unsigned int"]);
  return {
    flock: (fd, mode, wait = false) =>
      call("flock", undefined, () => flock(fd, LOCKS[mode] | (wait ? 0 : LOCK_NB)), wait ? NONE : ["EAGAIN"]) !== -1,
    closeOnExecFrom: (first) => {
      const range = (): number => syscall(SYS_CLOSE_RANGE, first, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
      // Linux 5.9 has the call and 5.11 the flag; seccomp profiles older than it answer EPERM.
      if (call("close_range", undefined, range, ["ENOSYS", "EINVAL", "EPERM"]) !== -1) return;
      // EBADF: the descriptor that the listing itself was read through.
      for (const fd of openDescriptors(first))
        call("fcntl", undefined, () => fcntl(fd, F_SETFD, FD_CLOEXEC), ["EBADF"]);
    },
    syncfs: (fd) => {
      call("syncfs", undefined, () => syncfs(fd));
    },
  };
}

/** glibc before 2.33 has mknod in its headers only, over `__xmknod` with a version that is 0 on all 64-bit machines. */
function bindMknod(libc: Libc): (path: Uint8Array, mode: number, device: bigint) => number {
  try {
    return libc.bind("mknod", "int", ["void *", "unsigned int", "uint64_t"]);
  } catch {
    const xmknod = libc.bind("__xmknod", "int", ["int", "void *", "unsigned int", "void *"]);
    return (path, mode, device) => xmknod(0, path, mode, new Uint8Array(BigUint64Array.of(device).buffer));
  }
}

/**
 * glibc's and musl's `makedev`: 8 low bits of the minor, 12 of the major, then the rest of both. The
 * kernel takes the low 32 bits, which have the same order on every architecture.
 */
export function deviceNumber(major: number, minor: number): bigint {
  const [ma, mi] = [BigInt(major), BigInt(minor)];
  return (mi & 0xffn) | ((ma & 0xfffn) << 8n) | ((mi & ~0xffn) << 12n) | ((ma & ~0xfffn) << 32n);
}

/** The inverse of {@link deviceNumber}, for a stat's `rdev`. */
export function splitDevice(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)),
  };
}

/** Writes byte strings into one buffer, ended by NUL; the result is valid until the next one. */
function pathBuffer(): (text: string) => Uint8Array {
  let buffer = Buffer.alloc(4096 + 64);
  return (text) => {
    refuseNul(text);
    if (text.length >= buffer.length) buffer = Buffer.alloc(text.length + 1);
    buffer[buffer.write(text, "latin1")] = 0;
    return buffer;
  };
}

function cString(text: string): Uint8Array {
  refuseNul(text);
  return Buffer.from(`${text}\0`, "latin1");
}

/** C would read the part before it: another file than the one that is meant. */
function refuseNul(text: string): void {
  if (text.includes("\0")) throw systemError("EINVAL", 22, "a path with a NUL byte", text);
}

function systemError(code: string, errno: number, syscall: string, path: string | undefined): Error {
  const message = path === undefined ? `${code}: ${syscall}` : `${code}: ${syscall} ${JSON.stringify(path)}`;
  return Object.assign(new Error(message), { code, errno: -errno, syscall, ...(path === undefined ? {} : { path }) });
}

function openDescriptors(first: number): readonly number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd >= first);
}
