import type { BytesPath } from "./bytes-path.ts";

/**
 * The system calls that Node lacks. Paths are byte strings (see bytes-path.ts) and no call follows a
 * symbolic link in the last component unless it says so. Got by `loadSyscalls` (load-syscalls.ts).
 *
 * A failure is thrown as Node's own are: an Error with `code` (`ENOENT`), `errno` (negative),
 * `syscall` and `path`. An interrupted call (`EINTR`) is repeated.
 */
export interface Syscalls {
  /**
   * Whether the machine lets us not give files other owners or make devices, so that these are kept in
   * attributes instead (snapshot/kept-metadata.ts). Default: no.
   */
  readonly keepsMetadata?: boolean | undefined;
  /** mount(2). `flags` are joined {@link MOUNT} values; `data` is the options text, for overlay up to a page. */
  mount(source: BytesPath, target: BytesPath, type: string, flags: number, data?: string): void;
  /** umount2(2). `flags` are joined {@link UMOUNT} values. */
  unmount(target: BytesPath, flags: number): void;
  /** The value of an attribute, or undefined where the file has none of that name or the file system has none at all. */
  lgetxattr(path: BytesPath, name: string): Buffer | undefined;
  /** Full names, bytewise sorted; empty where the file system has no attributes. */
  llistxattr(path: BytesPath): readonly string[];
  lsetxattr(path: BytesPath, name: string, value: Uint8Array): void;
  lremovexattr(path: BytesPath, name: string): void;
  /** mknod(2). `mode` holds the type (`S_IFCHR`, `S_IFBLK`, `S_IFIFO`) and the permission bits, which the umask cuts. */
  mknod(path: BytesPath, mode: number, major?: number, minor?: number): void;
  /** Sets access and modification time to the nanosecond; `mtime` may be negative. Follows a last symlink only if asked. */
  utimens(path: BytesPath, mtime: bigint, follow?: boolean): void;
  /** linkat(2) with `AT_SYMLINK_FOLLOW`: gives the file that is open as `/proc/self/fd/N` a name. */
  linkFollowing(target: BytesPath, path: BytesPath): void;
  /**
   * What is at `name` in the open directory `fd`, as 32-bit words of `struct statx` in `into`, which has at least
   * {@link STATX_WORDS}; false where nothing is. Throws `ENOSYS` or `EPERM` where the machine has no statx(2).
   */
  statx(fd: number, name: BytesPath, into: Uint32Array): boolean;
  /** Takes or drops a lock of the open file; false where `wait` is not set (the default) and another one holds it. */
  flock(fd: number, mode: "shared" | "exclusive" | "unlock", wait?: boolean): boolean;
  /** Marks every descriptor from `first` up close-on-exec, so that no child inherits it. */
  closeOnExecFrom(first: number): void;
  /** Writes back the file system that `fd` is on. */
  syncfs(fd: number): void;
}

/** Of open(2), on every architecture that we run on; Node has no name for it. */
export const O_PATH = 0o10000000;

/** Flags of {@link Syscalls.mount}, `<sys/mount.h>`. */
export const MOUNT = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  REMOUNT: 32,
  NOATIME: 1024,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
} as const;

/** Flags of {@link Syscalls.unmount}. */
export const UMOUNT = { FORCE: 1, DETACH: 2, NOFOLLOW: 8 } as const;

export const STATX_WORDS = 64;
