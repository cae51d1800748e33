import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import type { BytesPath } from "./bytes-path.ts";
import { fsPath, readLink, readNames } from "./bytes-path.ts";
import { KeptDirectories, OPEN_DIRECTORY, entryOf, selfFd } from "./kept-directories.ts";
import { removeTree } from "./remove-tree.ts";

export interface RootOptions {
  /**
   * What a symbolic link on the way to a path's last component does. `follow` (the default): it is
   * resolved as a process whose root this is would see it. `refuse`: it is no directory, `ENOTDIR`.
   */
  readonly links?: "follow" | "refuse" | undefined;
}

/** An entry of an open directory, as node:fs takes it: `/proc/self/fd/N/NAME`. Valid until the next call on the root. */
export type Place = string | Buffer;

/** Makes the missing directory at `place`; `path` is where that is below the root, with links resolved. */
export type MakeDirectory = (place: Place, path: BytesPath) => void;

/** Links followed for one path, as many as containerd's `RootPath` takes. */
const MAX_LINKS = 255;
/** Directories opened for one path: link texts of `a/../a/..` can ask for more than anybody has. */
const MAX_STEPS = 65_536;
/** Linux's PATH_MAX without its NUL. */
const MAX_PATH = 4095;

/**
 * A directory that nothing leads out of, however its tree is changed meanwhile: each component is
 * opened by itself, below the descriptor of the one before and without following links, through
 * `/proc/self/fd/N/NAME`, which is how Node can do without openat(2). Link texts are read and walked
 * as paths of the root: absolute ones begin at it and `..` stays at it.
 *
 * Paths are clean byte strings relative to the root (layer/entry.ts); one with an empty, `.` or `..`
 * component throws `PATH_UNCLEAN`. Other failures are system errors that name the path below the root.
 * Directories on the way to the last path are kept open, so that a sorted run of entries costs no
 * look-up but its own. Who removes, renames or replaces a directory or link must call {@link forget},
 * or use {@link remove}, which does. A directory that somebody moves out of the root while it is held
 * stays the one that was opened.
 */
export class RootDirectory {
  readonly #kept: KeptDirectories;
  readonly #follow: boolean;
  /** The directory last asked for, as it was written, and its descriptor. */
  #last: { readonly path: BytesPath; readonly fd: number } | undefined;

  private constructor(fd: number, follow: boolean) {
    this.#kept = new KeptDirectories(fd);
    this.#follow = follow;
  }

  /** Opens `path`, a path of the process, whose own links are followed. Throws as node:fs does, and `PATH_NO_PROC`. */
  static open(path: string, options: RootOptions = {}): RootDirectory {
    const fd = openSync(path, OPEN_DIRECTORY & ~constants.O_NOFOLLOW);
    try {
      requireProc(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new RootDirectory(fd, options.links !== "refuse");
  }

  /** Where the last component of `path` is, which need not exist; its parents must. `""`, the root, has no parent. */
  at(path: BytesPath): Place {
    return fsPath(this.#entry(path, undefined));
  }

  /** As {@link at}, making the parents that are missing: by `make`, or with 0755 less the umask. */
  atCreating(path: BytesPath, make: MakeDirectory = makePlain): Place {
    return fsPath(this.#entry(path, make));
  }

  /** The place of the directory `path` itself, with links resolved in its last component too. */
  directory(path: BytesPath, make?: MakeDirectory): Place {
    return selfFd(this.#directory(path, make));
  }

  /** The descriptor of the directory `path`. Valid until the next call on the root. */
  descriptor(path: BytesPath): number {
    return this.#directory(path);
  }

  /** Of `path` itself, be it a link; undefined where there is nothing, or its parent is no directory. */
  lstat(path: BytesPath): BigIntStats | undefined {
    if (path === "") return fstatSync(this.#kept.root, { bigint: true });
    return ifThere(() => lstatSync(this.at(path), { bigint: true }));
  }

  /** The text of the link at `path`; undefined where there is no link. */
  readlink(path: BytesPath): BytesPath | undefined {
    if (path === "") return undefined;
    return ifThere(() => readLink(this.#entry(path, undefined)), "EINVAL");
  }

  /** The names in the directory `path`, in bytewise order; undefined where there is none. */
  readdir(path: BytesPath): readonly BytesPath[] | undefined {
    return ifThere(() => readNames(selfFd(this.#directory(path))));
  }

  /** Removes what is at `path`, with all below it and through no link; true if there was something. */
  remove(path: BytesPath): boolean {
    this.forget();
    const entry = ifThere(() => this.#entry(path, undefined));
    const removed = entry !== undefined && removeTree(entry);
    this.forget();
    return removed;
  }

  /** Closes the directories that are kept, after one of them may have become another. */
  forget(): void {
    this.#last = undefined;
    this.#kept.forget();
  }

  /** May be called again. */
  close(): void {
    this.#last = undefined;
    this.#kept.close();
  }

  #entry(path: BytesPath, make: MakeDirectory | undefined): BytesPath {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    refuseUnclean(name, path);
    const parent = slash < 0 ? "" : path.slice(0, slash);
    if (slash === 0) throw uncleanError(path);
    return entryOf(this.#directory(parent, make), name);
  }

  #directory(path: BytesPath, make?: MakeDirectory): number {
    if (path === "") return this.#kept.root;
    if (this.#last?.path === path) return this.#last.fd;
    // Whatever happens on the way may close the directory that was last.
    this.#last = undefined;
    const fd = this.#walk(path, make);
    this.#last = { path, fd };
    return fd;
  }

  /** Goes down `path`. `real` are the names gone so far: directories, none of them a link. */
  #walk(path: BytesPath, make: MakeDirectory | undefined): number {
    const rest = components(path).reverse();
    const real: string[] = [];
    let links = 0;
    let steps = MAX_STEPS;
    const spend = (): void => {
      if (--steps < 0) throw pathError("ELOOP", path, "too many components");
    };
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      spend();
      if (name === "" || name === ".") continue;
      if (name === "..") {
        this.#kept.leave(real.length);
        real.pop();
        continue;
      }
      const target = this.#enter(real, name, path, make, spend);
      if (target === undefined) {
        real.push(name);
        continue;
      }
      if (++links > MAX_LINKS) throw pathError("ELOOP", path, "too many symbolic links");
      rest.push(...target.split("/").reverse());
      if (target.startsWith("/")) {
        this.#kept.leave(real.length);
        real.length = 0;
      }
    }
    return this.#kept.descriptor(real, spend);
  }

  /** Opens `name` below `real`, or answers the text of the link that it is. */
  #enter(
    real: readonly string[],
    name: string,
    path: BytesPath,
    make: MakeDirectory | undefined,
    spend: () => void,
  ): BytesPath | undefined {
    for (let made = make === undefined; ; made = true) {
      try {
        this.#kept.enter(real, name, spend);
        return undefined;
      } catch (error) {
        const errno = errnoOf(error);
        const entry = entryOf(this.#kept.descriptor(real, spend), name);
        if (errno === "ENOENT" && make !== undefined && !made) make(fsPath(entry), [...real, name].join("/"));
        else if (errno === "ENOTDIR" || errno === "ELOOP") return this.#linkText(entry, path);
        else throw errno === undefined ? error : pathError(errno, path, "open", error);
      }
    }
  }

  #linkText(entry: BytesPath, path: BytesPath): BytesPath {
    const target = this.#follow ? ifThere(() => readLink(entry), "EINVAL") : undefined;
    if (target === undefined) throw pathError("ENOTDIR", path, "open");
    return target;
  }
}

function makePlain(place: Place): void {
  mkdirSync(place, 0o755);
}

function components(path: BytesPath): string[] {
  if (path.length > MAX_PATH) throw pathError("ENAMETOOLONG", path, "open");
  const names = path.split("/");
  for (const name of names) refuseUnclean(name, path);
  return names;
}

function refuseUnclean(name: string, path: BytesPath): void {
  if (name === "" || name === "." || name === ".." || name.includes("\0")) throw uncleanError(path);
}

function uncleanError(path: BytesPath): AppError {
  return new AppError(
    "PATH_UNCLEAN",
    `path ${JSON.stringify(path)}: expected names joined by single slashes, without "." and ".."`,
  );
}

function pathError(code: string, path: BytesPath, what: string, cause?: unknown): Error {
  const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path;
  return Object.assign(new Error(`${code}: ${what} ${JSON.stringify(shown)}`, { cause }), {
    code,
    syscall: "open",
    path,
  });
}

function ifThere<T>(body: () => T, ...also: readonly string[]): T | undefined {
  try {
    return body();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || (errno !== undefined && also.includes(errno))) return undefined;
    throw error;
  }
}

/** Without /proc, or with one of another pid namespace, `/proc/self/fd/N` is nothing or somebody else's. */
function requireProc(fd: number): void {
  const opened = fstatSync(fd);
  const seen = ifThere(() => lstatSync(`/proc/self/fd/${fd}/.`));
  if (seen?.ino === opened.ino && seen.dev === opened.dev) return;
  throw new AppError("PATH_NO_PROC", "expected this process's descriptors in /proc/self/fd, found none", {
    hint: "Mount /proc in the container that this runs in.",
  });
}
