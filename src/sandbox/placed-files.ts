import { chmodSync, chownSync, copyFileSync, existsSync, linkSync, lstatSync, mkdirSync, renameSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { parentOf } from "../snapshot/resolve-path.ts";
import { bytesOf } from "../snapshot/write-node.ts";
import { removeTree } from "../sys/remove-tree.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Place } from "../sys/root-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";

/** What a process that was killed or a RUN that tidied up may have made of a place: nothing is to be undone there. */
const GONE: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP"]);

/**
 * Things put into a root for the time of a RUN where nothing can be mounted over it: what was in their
 * places is laid aside and comes back, and what the RUN wrote there goes, as with a mount. Paths are clean
 * and relative to the root; no link is followed.
 */
export class PlacedFiles {
  readonly #root: RootDirectory;
  readonly #aside: string;
  readonly #syscalls: Syscalls;
  readonly #undo: (() => void)[] = [];
  /** Times of directories that things were put into. */
  readonly #times = new Map<string, bigint>();
  #count = 0;

  constructor(rootDirectory: string, syscalls: Syscalls) {
    this.#root = RootDirectory.open(rootDirectory, { links: "refuse" });
    this.#aside = `${rootDirectory}.aside`;
    this.#syscalls = syscalls;
    mkdirSync(this.#aside, { mode: 0o700 });
  }

  /** A new directory. */
  directory(path: string, mode: number): void {
    const place = this.#take(path);
    mkdirSync(place, { mode: 0o700 });
    chmodSync(place, mode);
    this.#root.forget();
  }

  /** A copy of a file of the machine with its mode and owner; of a socket the socket itself. */
  file(path: string, source: string): void {
    const { uid, gid, mode } = lstatSync(source);
    const place = this.#take(path);
    if ((mode & 0o170000) === 0o140000) return linkSync(source, place);
    copyFileSync(source, place);
    chownSync(place, uid, gid);
    chmodSync(place, mode & 0o7777);
  }

  device(path: string, major: number, minor: number): void {
    const place = this.#take(path);
    this.#syscalls.mknod(bytesOf(place), 0o020000 | 0o600, major, minor);
    chmodSync(place, 0o666);
  }

  /** A directory of the machine itself: it is here meanwhile, and whoever else looks for it finds none. */
  moved(path: string, source: string): void {
    const place = this.#take(path, (from) => {
      // Of two that wanted it at the same time the first one's stays.
      if (existsSync(source)) this.#root.remove(path);
      else renameSync(from, source);
    });
    try {
      renameSync(source, place);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      mkdirSync(place, { mode: 0o755 });
    }
    this.#root.forget();
  }

  /** Keeps the times of the directories as they were before anything was placed: to be called before the RUN. */
  settle(): void {
    for (const [path, mtime] of this.#times) this.#setTime(path, mtime);
  }

  /** Puts everything back. No process may use the root any more. */
  undo(): void {
    this.#root.forget();
    for (const path of this.#times.keys()) {
      const now = this.#tolerant(() => this.#root.lstat(path)?.mtimeNs);
      if (now !== undefined) this.#times.set(path, now);
    }
    for (const step of this.#undo.toReversed()) this.#tolerant(step);
    this.settle();
    this.#root.close();
    removeTree(fromUtf8(this.#aside));
  }

  /** Makes room at `path`. `back` takes what was placed there away, instead of its being removed. */
  #take(path: string, back?: (place: Place) => void): Place {
    const parent = parentOf(path);
    const before = this.#root.lstat(parent);
    if (before !== undefined && !this.#times.has(parent)) this.#times.set(parent, before.mtimeNs);
    const aside = `${this.#aside}/${this.#count++}`;
    const hadOne = this.#root.lstat(path) !== undefined;
    if (hadOne) renameSync(this.#root.at(path), aside);
    this.#root.forget();
    this.#undo.push(() => {
      if (back !== undefined) back(this.#root.at(path));
      else if (this.#root.lstat(path) !== undefined) this.#root.remove(path);
      this.#root.forget();
      if (hadOne) renameSync(aside, this.#root.at(path));
      this.#root.forget();
    });
    return this.#root.atCreating(path);
  }

  #setTime(path: string, mtime: bigint): void {
    this.#tolerant(() => {
      if (this.#root.lstat(path)?.isDirectory() !== true) return;
      this.#syscalls.utimens(`${bytesOf(this.#root.directory(path))}/.`, mtime);
    });
  }

  #tolerant<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!GONE.has(errnoOf(error) ?? "")) throw error;
      this.#root.forget();
      return undefined;
    }
  }
}
