import { lstatSync, readdirSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fsPath, readLink, readNames } from "../sys/bytes-path.ts";
import type { BytesPath } from "../sys/bytes-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { unreadable } from "./disk-content.ts";
import { readKept } from "./kept-metadata.ts";
import { readKeptName } from "./kept-names.ts";
import type { KeptMetadata } from "./kept-metadata.ts";
import type { TreeNode } from "./tree.ts";
import { isMarkedFile, mayHoldMarkedFiles } from "./whiteout.ts";
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
  /** Sockets are empty files, as BuildKit sends those of a build context. Default false. */
  readonly emptySockets?: boolean | undefined;
}

/** What lies at an absolute path, or undefined. Throws `FILE_UNREADABLE`, also where the path is too long to be asked for. */
export function readDiskNode(path: BytesPath, options: DiskOptions): DiskNode | undefined {
  let stats: BigIntStats | undefined;
  try {
    stats = lstatSync(fsPath(path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    // A name that no file can have names no file; below 4096 bytes of path there may well be some.
    if (errnoOf(error) === "ENAMETOOLONG" && path.split("/").some((name) => name.length > NAME_MAX)) return undefined;
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
  /** The name is that of a character device or of a file that may be marked, and {@link isWhiteout} can tell more. */
  readonly mayBeWhiteout: boolean;
}

/** The entries of a directory, in no order. Throws `FILE_UNREADABLE`. */
export function readDiskEntries(path: BytesPath, syscalls: Syscalls): readonly DiskEntry[] {
  try {
    const marked = mayHoldMarkedFiles(path, syscalls);
    return readdirSync(fsPath(path), { encoding: "latin1", withFileTypes: true }).map((entry) => ({
      name: entry.name,
      mayBeWhiteout: entry.isCharacterDevice() || (marked && entry.isFile()),
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
  /** Whether it is a whiteout in the form of a file (whiteout.ts). */
  readonly isMarked: boolean;
  readonly #options: DiskOptions;
  #target: string | undefined;
  #kept: KeptMetadata | null | undefined;

  /** `target`: of a link whose text is known. */
  constructor(path: BytesPath, stats: BigIntStats, options: DiskOptions, target?: string) {
    this.path = path;
    this.stats = stats;
    this.#options = options;
    this.#target = target;
    const type = typeOf(Number(stats.mode));
    const empty = type === "file" && stats.size === 0n && options.syscalls !== undefined;
    this.isMarked = empty && isMarkedFile(path, stats.size, Number(stats.mode) & 0o7777, options.syscalls);
    this.type = type === "socket" && options.emptySockets === true ? "file" : type;
    if (empty && options.syscalls.keepsMetadata === true) this.type = this.#keptMetadata()?.device?.type ?? type;
  }

  get mode(): number {
    const onDisk = Number(this.stats.mode);
    return (isOwnKeeper(onDisk) ? this.#keptMetadata()?.mode : undefined) ?? onDisk & 0o7777;
  }
  get uid(): number {
    return this.#options.owner?.uid ?? this.#keptMetadata()?.uid ?? this.#diskId(this.stats.uid);
  }
  get gid(): number {
    return this.#options.owner?.gid ?? this.#keptMetadata()?.gid ?? this.#diskId(this.stats.gid);
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
    return this.#isDevice() ? (this.#keptMetadata()?.device?.major ?? majorOf(this.stats.rdev)) : undefined;
  }
  get minor(): number | undefined {
    return this.#isDevice() ? (this.#keptMetadata()?.device?.minor ?? minorOf(this.stats.rdev)) : undefined;
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

  /** What is kept of it beside what the disk says, in a place where that is done. */
  #keptMetadata(): KeptMetadata | undefined {
    const { syscalls } = this.#options;
    if (syscalls?.keepsMetadata !== true) return undefined;
    if (this.#kept !== undefined) return this.#kept ?? undefined;
    const [directory = "", name = ""] = splitLast(this.path);
    const own = isOwnKeeper(Number(this.stats.mode));
    const kept = own ? readKept(this.path, syscalls) : readKeptName(`${directory}/.`, name, syscalls);
    this.#kept = kept ?? null;
    return kept;
  }

  /** All that we write is ours there, which means root's. */
  #diskId(id: bigint): number {
    return this.#options.syscalls?.keepsMetadata === true ? 0 : Number(id);
  }

  #isDevice(): boolean {
    return this.type === "char" || this.type === "block";
  }
}

/** Whether this is overlayfs' whiteout: a character device 0:0, or a file that is marked as one. */
export function isWhiteout(node: DiskNode): boolean {
  return node.isMarked || (isCharacterDevice(node.stats.mode) && node.stats.rdev === 0n);
}

function isCharacterDevice(mode: bigint): boolean {
  return (Number(mode) & S_IFMT) === 0o020000;
}

function splitLast(path: string): readonly [string, string] {
  const slash = path.lastIndexOf("/");
  return [path.slice(0, slash), path.slice(slash + 1)];
}

const S_IFMT = 0o170000;
const NAME_MAX = 255;

/** Files and directories carry what is kept of them themselves. */
function isOwnKeeper(mode: number): boolean {
  return ["file", "directory"].includes(typeOf(mode));
}

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
