import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import { entryOf } from "../sys/kept-directories.ts";
import { splitDevice } from "../sys/libc-syscalls.ts";
import { STATX_WORDS } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/** What is known of a file, in words of 32 bits: everything that some change of it changes, as far as clocks can tell. */
export const ROW_WORDS = 16;
const [CTIME, INODE, MODE, LINKS, DEVICE] = [0, 3, 10, 13, 14] as const;

/** Where statx(2) has these words, in the order of a row: ctime, inode, mtime, size, mode, uid, gid, links, device. */
const STATX_ORDER = [24, 25, 26, 8, 9, 28, 29, 30, 10, 11, 7, 5, 6, 4, 32, 33] as const;
const WORD = 0x1_0000_0000;
const MODE_BITS = 0xffff;
const SECOND = 1_000_000_000n;

/** Reads rows: by statx(2), which takes half the time of lstat(2) by Node, or by that where seccomp knows no statx. */
export class RowReader {
  readonly #syscalls: Syscalls;
  readonly #words = new Uint32Array(STATX_WORDS);
  #hasStatx = true;

  constructor(syscalls: Syscalls) {
    this.#syscalls = syscalls;
  }

  /** Puts the row of what is at `name` in the directory `fd` into `rows` from `at` on; false where nothing is. */
  read(fd: number, name: BytesPath, rows: Uint32Array, at: number): boolean {
    if (this.#hasStatx) {
      try {
        return this.#readStatx(fd, name, rows, at);
      } catch (error) {
        if (errnoOf(error) !== "ENOSYS" && errnoOf(error) !== "EPERM") throw error;
        this.#hasStatx = false;
      }
    }
    const stats = lstatSync(fsPath(entryOf(fd, name)), { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined) rows.set(wordsOf(stats), at);
    return stats !== undefined;
  }

  #readStatx(fd: number, name: BytesPath, rows: Uint32Array, at: number): boolean {
    const words = this.#words;
    if (!this.#syscalls.statx(fd, name, words)) return false;
    for (let word = 0; word < ROW_WORDS; word++) rows[at + word] = words[STATX_ORDER[word]!]!;
    rows[at + MODE]! &= MODE_BITS;
    return true;
  }
}

export function isSameRow(a: Uint32Array, at: number, b: Uint32Array, bt: number): boolean {
  for (let word = 0; word < ROW_WORDS; word++) if (a[at + word] !== b[bt + word]) return false;
  return true;
}

/** Nanoseconds. */
export function changeTime(rows: Uint32Array, at: number): bigint {
  return BigInt.asIntN(64, pair(rows, at + CTIME)) * SECOND + BigInt(rows[at + CTIME + 2]!);
}

export function inodeOf(rows: Uint32Array, at: number): bigint {
  return pair(rows, at + INODE);
}

export function linksOf(rows: Uint32Array, at: number): number {
  return rows[at + LINKS]!;
}

export function isDirectoryRow(rows: Uint32Array, at: number): boolean {
  return (rows[at + MODE]! & 0o170000) === 0o040000;
}

/** A character device 0:0. */
export function isWhiteoutRow(rows: Uint32Array, at: number): boolean {
  return (rows[at + MODE]! & 0o170000) === 0o020000 && rows[at + DEVICE] === 0 && rows[at + DEVICE + 1] === 0;
}

function pair(rows: Uint32Array, at: number): bigint {
  return BigInt(rows[at]!) + BigInt(rows[at + 1]!) * BigInt(WORD);
}

function wordsOf({ ctimeNs, ino, mtimeNs, size, mode, uid, gid, nlink, rdev }: BigIntStats): readonly number[] {
  const { major, minor } = splitDevice(rdev);
  const rest = [mode, uid, gid, nlink].map(Number);
  return [...timeWords(ctimeNs), ...split(ino), ...timeWords(mtimeNs), ...split(size), ...rest, major, minor];
}

function timeWords(time: bigint): readonly number[] {
  const nanoseconds = ((time % SECOND) + SECOND) % SECOND;
  return [...split((time - nanoseconds) / SECOND), Number(nanoseconds)];
}

function split(value: bigint): readonly number[] {
  return [Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n))];
}
