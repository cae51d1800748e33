import type { Tracee } from "./tracee.ts";

/** Where a path of a traced program leads. */
export interface Place {
  /** Absolute, as we reach it; its links are followed, but for the last where `throughLink`. */
  readonly host: string;
  /** Absolute, as the program sees it. */
  readonly guest: string;
  /** Of what is there, type and permission bits on disk; undefined where nothing is. */
  readonly mode: number | undefined;
  /** Whether nothing there may be changed. */
  readonly readOnly: boolean;
  /** Something lies here that is not of the root file system: it can be neither removed nor renamed. */
  readonly mountPoint?: boolean | undefined;
  /** The kernel would get here by the text of the path, too. */
  readonly asWritten?: boolean | undefined;
  /** What a link of /proc reads as, where its text on disk is not for the program. */
  readonly linkText?: string | undefined;
  /** `host` is a link of /proc whose meaning the kernel knows better than its text. */
  readonly throughLink: boolean;
}

/** How paths of traced programs are found. */
export interface Places {
  /**
   * Where `path` leads from the directory that descriptor `at` is of (`AT_FDCWD`: the current one). Its last
   * component is followed if `follow`. Or an errno.
   */
  find(tracee: Tracee, at: number, path: string, follow: boolean): Place | number;
  /** The guest's name of what is at `host`, as links of /proc give it; undefined where it has none. */
  guestName(host: string): string | undefined;
  /** Directories may have become something else. */
  forget(): void;
}

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  ENOEXEC: 8,
  EBADF: 9,
  EACCES: 13,
  EBUSY: 16,
  EFAULT: 14,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EROFS: 30,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENODATA: 61,
  ENOTSUP: 95,
} as const;

export const FILE_TYPE = {
  mask: 0o170000,
  directory: 0o040000,
  link: 0o120000,
  regular: 0o100000,
  character: 0o020000,
  block: 0o060000,
} as const;
