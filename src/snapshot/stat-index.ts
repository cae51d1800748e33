import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { fsPath, readNames } from "../sys/bytes-path.ts";
import type { RootDirectory } from "../sys/root-path.ts";
import { joinPath } from "./resolve-path.ts";
import { bytesOf } from "./write-node.ts";

/** What is known of each file: what every change of a file changes, as far as clocks can tell. */
const FIELDS = ["ctimeNs", "ino", "mtimeNs", "size", "mode", "uid", "gid", "nlink", "rdev"] as const;
const WIDTH = FIELDS.length;
const CTIME = 0;
const INODE = 1;
const LINKS = 7;

interface Listed {
  /** In bytewise order. */
  readonly names: readonly string[];
  /** {@link FIELDS} of each name, one after the other: some 70 bytes a file. */
  readonly rows: BigInt64Array;
}

/** A file that is not what it was, or of which that cannot be told. */
export interface Seen {
  readonly path: string;
  readonly stats: BigIntStats;
  /** Where to read it, until the next one comes. */
  readonly place: string;
  /** What was at `path` before. */
  readonly was?: { readonly inode: bigint; readonly links: bigint } | undefined;
  /** The file is as it was, but has several names. */
  readonly same: boolean;
}

export interface Visitor {
  seen(file: Seen): void;
  /** Something was at `path` and nothing is. */
  gone(path: string): void;
}

/**
 * The state of a tree's files, to be compared with a later one. A file of which nothing has changed in
 * inode, times, size, mode, owner and links is the same one, unless its change time is as late as `unclear`:
 * it may have changed again before the file system's clock went on.
 */
export class StatIndex {
  readonly #directories: ReadonlyMap<string, Listed>;
  /** The latest change time of all. */
  readonly latest: bigint;

  private constructor(directories: ReadonlyMap<string, Listed>, latest: bigint) {
    this.#directories = directories;
    this.latest = latest;
  }

  /** Reads the tree, following no link, and tells what is not as `before` has it, parents first. */
  static read(
    root: RootDirectory,
    before?: { readonly index: StatIndex; readonly unclear: bigint },
    visitor?: Visitor,
  ): StatIndex {
    const directories = new Map<string, Listed>();
    let latest = root.lstat("")?.ctimeNs ?? 0n;
    const read = (path: string): void => {
      const old = before === undefined ? undefined : before.index.#directories.get(path);
      const reader = new DirectoryReader(path, bytesOf(root.directory(path)), old, before?.unclear ?? 0n, visitor);
      const { listed, inside } = reader.read();
      directories.set(path, listed);
      if (reader.latest > latest) latest = reader.latest;
      for (const directory of inside) read(directory);
    };
    read("");
    return new StatIndex(directories, latest);
  }
}

/** One directory, in step with what it held before. */
class DirectoryReader {
  readonly #path: string;
  readonly #place: string;
  readonly #old: Listed | undefined;
  readonly #unclear: bigint;
  readonly #visitor: Visitor | undefined;
  latest = 0n;
  #at = 0;

  constructor(path: string, place: string, old: Listed | undefined, unclear: bigint, visitor: Visitor | undefined) {
    this.#path = path;
    this.#place = place;
    this.#old = old;
    this.#unclear = unclear;
    this.#visitor = visitor;
  }

  read(): { readonly listed: Listed; readonly inside: readonly string[] } {
    const all = readNames(this.#place);
    const rows = new BigInt64Array(all.length * WIDTH);
    const names: string[] = [];
    const inside: string[] = [];
    for (const name of all) {
      const place = `${this.#place}/${name}`;
      const stats = lstatSync(fsPath(place), { bigint: true, throwIfNoEntry: false });
      // A device 0:0 would be a whiteout, and what is no more is not there.
      if (stats === undefined || (stats.isCharacterDevice() && stats.rdev === 0n)) continue;
      const row = names.push(name) * WIDTH - WIDTH;
      for (let field = 0; field < WIDTH; field++) rows[row + field] = stats[FIELDS[field]!];
      if (stats.ctimeNs > this.latest) this.latest = stats.ctimeNs;
      const path = joinPath(this.#path, name);
      if (this.#visitor !== undefined) this.#compare(this.#visitor, { path, place, stats }, name, rows, row);
      if (stats.isDirectory()) inside.push(path);
    }
    this.#passed(undefined);
    return { listed: { names, rows: rows.subarray(0, names.length * WIDTH) }, inside };
  }

  #compare(visitor: Visitor, file: Omit<Seen, "same" | "was">, name: string, rows: BigInt64Array, row: number): void {
    const index = this.#passed(name);
    if (index === undefined || this.#old === undefined) return visitor.seen({ ...file, same: false });
    const old = this.#old.rows;
    const start = index * WIDTH;
    let same = old[start + CTIME]! < this.#unclear;
    for (let field = 0; same && field < WIDTH; field++) same = old[start + field] === rows[row + field];
    const isAlone = file.stats.nlink === 1n || file.stats.isDirectory();
    if (same && isAlone) return;
    visitor.seen({ ...file, same, was: { inode: old[start + INODE]!, links: old[start + LINKS]! } });
  }

  /** Goes on to `name`, or to the end, and tells what is passed by; where `name` was, if it was. */
  #passed(name: string | undefined): number | undefined {
    const names = this.#old?.names ?? [];
    for (; this.#at < names.length; this.#at++) {
      const next = names[this.#at]!;
      if (name !== undefined && next >= name) return next === name ? this.#at++ : undefined;
      this.#visitor?.gone(joinPath(this.#path, next));
    }
    return undefined;
  }
}
