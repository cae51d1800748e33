import { lstatSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { fsPath, readNames } from "../sys/bytes-path.ts";
import { entryOf, selfFd } from "../sys/kept-directories.ts";
import type { RootDirectory } from "../sys/root-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { joinPath } from "./resolve-path.ts";
import {
  ROW_WORDS,
  RowReader,
  changeTime,
  inodeOf,
  isDirectoryRow,
  isSameRow,
  isWhiteoutRow,
  linksOf,
} from "./stat-row.ts";

interface Listed {
  /** In bytewise order. */
  readonly names: readonly string[];
  /** Of each name, one after the other: 64 bytes a file. */
  readonly rows: Uint32Array;
}

/** A file that is not what it was, or of which that cannot be told. */
export interface Seen {
  readonly kind: "seen";
  readonly path: string;
  readonly stats: BigIntStats;
  /** Where to read it, until the next one comes. */
  readonly place: string;
  /** What was at `path` before. */
  readonly was?: { readonly inode: bigint; readonly links: number } | undefined;
  /** The file is as it was, but has several names. */
  readonly same: boolean;
}

/** What a reading finds on its way. */
export type Difference =
  | Seen
  /** Something was at `path` and nothing is. */
  | { readonly kind: "gone"; readonly path: string }
  /** None, in a whole directory. */
  | { readonly kind: "read" };

/** An earlier state, and from when on a change time says nothing about what was later than it. */
export interface Before {
  readonly index: StatIndex;
  readonly unclear: bigint;
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

  /** Reads the tree, following no link, and yields what is not as `before` has it, parents first. */
  static *read(root: RootDirectory, syscalls: Syscalls, before?: Before): Generator<Difference, StatIndex> {
    const directories = new Map<string, Listed>();
    const reader = new RowReader(syscalls);
    let latest = root.lstat("")?.ctimeNs ?? 0n;
    const stack = [""];
    for (let path = stack.pop(); path !== undefined; path = stack.pop()) {
      const old = before === undefined ? undefined : before.index.#directories.get(path);
      const fd = root.descriptor(path);
      const directory = new DirectoryReader({ path, fd, old, before }, reader);
      const { listed, inside } = yield* directory.read();
      yield { kind: "read" };
      directories.set(path, listed);
      if (directory.latest > latest) latest = directory.latest;
      // One by one: a call takes no more than some 120,000 arguments.
      for (const below of inside.toReversed()) stack.push(below);
    }
    return new StatIndex(directories, latest);
  }
}

interface Directory {
  readonly path: string;
  readonly fd: number;
  readonly old: Listed | undefined;
  readonly before: Before | undefined;
}

/** One directory, in step with what it held before. */
class DirectoryReader {
  readonly #directory: Directory;
  readonly #reader: RowReader;
  latest = 0n;
  #at = 0;

  constructor(directory: Directory, reader: RowReader) {
    this.#directory = directory;
    this.#reader = reader;
  }

  *read(): Generator<Difference, { readonly listed: Listed; readonly inside: readonly string[] }> {
    const { path, fd } = this.#directory;
    const all = readNames(selfFd(fd));
    const rows = new Uint32Array(all.length * ROW_WORDS);
    const names: string[] = [];
    const inside: string[] = [];
    for (const name of all) {
      const row = names.length * ROW_WORDS;
      // A device 0:0 would be a whiteout, and what is no more is not there.
      if (!this.#reader.read(fd, name, rows, row) || isWhiteoutRow(rows, row)) continue;
      names.push(name);
      const time = changeTime(rows, row);
      if (time > this.latest) this.latest = time;
      yield* this.#compare(name, rows, row);
      if (isDirectoryRow(rows, row)) inside.push(joinPath(path, name));
    }
    yield* this.#passed(undefined);
    return { listed: { names, rows: rows.subarray(0, names.length * ROW_WORDS) }, inside };
  }

  *#compare(name: string, rows: Uint32Array, row: number): Generator<Difference, void> {
    const { old, before } = this.#directory;
    if (before === undefined) return;
    const index = yield* this.#passed(name);
    if (index === undefined || old === undefined) return yield* this.#tell(name, false, undefined);
    const at = index * ROW_WORDS;
    const same = isSameRow(old.rows, at, rows, row) && changeTime(old.rows, at) < before.unclear;
    if (same && (linksOf(rows, row) === 1 || isDirectoryRow(rows, row))) return;
    yield* this.#tell(name, same, { inode: inodeOf(old.rows, at), links: linksOf(old.rows, at) });
  }

  *#tell(name: string, same: boolean, was: Seen["was"]): Generator<Difference, void> {
    const { path, fd } = this.#directory;
    const place = entryOf(fd, name);
    const stats = lstatSync(fsPath(place), { bigint: true, throwIfNoEntry: false });
    if (stats !== undefined) yield { kind: "seen", path: joinPath(path, name), stats, place, was, same };
  }

  /** Goes on to `name`, or to the end, and tells what is passed by; where `name` was, if it was. */
  *#passed(name: string | undefined): Generator<Difference, number | undefined> {
    const { path, old } = this.#directory;
    const names = old?.names ?? [];
    for (; this.#at < names.length; this.#at++) {
      const next = names[this.#at]!;
      if (name !== undefined && next >= name) return next === name ? this.#at++ : undefined;
      yield { kind: "gone", path: joinPath(path, next) };
    }
    return undefined;
  }
}
