import { lstatSync, readdirSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fsPath, readLink, readNames } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { unreadable } from "./disk-content.ts";
import type { TreeNode } from "./tree.ts";
import { readXattrs } from "./xattr-policy.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** How nodes are read from the disk. */
export interface DiskOptions {
  /** Reads extended attributes where given; without, nodes have none. */
  readonly syscalls?: Syscalls | undefined;
  /** Owner that every node is said to have. Default: its own. */
  readonly owner?: Owner | undefined;
}

/** What lies at an absolute path, or undefined. */
export function readDiskNode(path: BytesPath, options: DiskOptions): DiskNode | undefined {
  let stats: BigIntStats | undefined;
  try {
    stats = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    // A name that no file can have names no file.
    if (errnoOf(error) === "ENAMETOOLONG") return undefined;
    throw unreadable(path, error);
  }
  return stats === undefined ? undefined : new DiskNode(path, stats, options);
}

/** The names in a directory, in bytewise order. Throws `FILE_UNREADABLE`. */
export function readDiskNames(path: BytesPath): readonly string[] {
  try {
    return readNames(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

export interface DiskEntry {
  readonly name: string;
  /** The name is that of a character device, and {@link isWhiteout} can tell more. */
  readonly mayBeWhiteout: boolean;
}

/** The entries of a directory, in no order. Throws `FILE_UNREADABLE`. */
export function readDiskEntries(path: BytesPath): readonly DiskEntry[] {
  try {
    return readdirSync(fsPath(path), { encoding: "latin1", withFileTypes: true }).map((entry) => ({
      name: entry.name,
      mayBeWhiteout: entry.isCharacterDevice(),
    }));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * A file as lstat(2) describes it. Link text and attributes cost system calls of their own and are
 * read when asked for.
 */
export class DiskNode implements TreeNode {
  readonly type: TreeNode["type"];
  readonly path: BytesPath;
  readonly stats: BigIntStats;
  readonly #options: DiskOptions;
  #target: string | undefined;

  /** `target`: of a link whose text is known. */
  constructor(path: BytesPath, stats: BigIntStats, options: DiskOptions, target?: string) {
    this.path = path;
    this.stats = stats;
    this.#options = options;
    this.#target = target;
    this.type = typeOf(Number(stats.mode));
  }

  get mode(): number {
    return Number(this.stats.mode) & 0o7777;
  }
  get uid(): number {
    return this.#options.owner?.uid ?? Number(this.stats.uid);
  }
  get gid(): number {
    return this.#options.owner?.gid ?? Number(this.stats.gid);
  }
  get size(): number {
    return Number(this.stats.size);
  }
  get mtime(): bigint {
    return this.stats.mtimeNs;
  }
  get target(): string | undefined {
    if (this.type !== "symlink") return undefined;
    return (this.#target ??= readLink(this.path));
  }
  get major(): number | undefined {
    return this.#isDevice() ? majorOf(this.stats.rdev) : undefined;
  }
  get minor(): number | undefined {
    return this.#isDevice() ? minorOf(this.stats.rdev) : undefined;
  }
  get links(): number {
    return this.type === "directory" ? 1 : Number(this.stats.nlink);
  }
  get identity(): string {
    return `${this.stats.dev}:${this.stats.ino}`;
  }
  get xattrs(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#options.syscalls === undefined ? undefined : readXattrs(this.#options.syscalls, this.path);
  }

  #isDevice(): boolean {
    return this.type === "char" || this.type === "block";
  }
}

/** Whether this is overlayfs' whiteout: a character device 0:0. */
export function isWhiteout(node: DiskNode): boolean {
  return node.type === "char" && node.stats.rdev === 0n;
}

const S_IFMT = 0o170000;

function typeOf(mode: number): TreeNode["type"] {
  switch (mode & S_IFMT) {
    case 0o040000:
      return "directory";
    case 0o120000:
      return "symlink";
    case 0o020000:
      return "char";
    case 0o060000:
      return "block";
    case 0o010000:
      return "fifo";
    case 0o140000:
      return "socket";
    default:
      return "file";
  }
}

/** gnu_dev_major: 12 bits above the low minor byte, the rest above 32. */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));
}
