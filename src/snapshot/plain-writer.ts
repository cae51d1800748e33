import { closeSync, constants, copyFileSync, fstatSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import type { BigIntStats } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { Metadata } from "../layer/entry.ts";
import { fsPath } from "../sys/bytes-path.ts";
import type { Place, RootDirectory } from "../sys/root-path.ts";
import { changed, unreadable } from "./disk-content.ts";
import type { DiskNode } from "./disk-node.ts";
import { makeDevice } from "./make-device.ts";
import { makeWhiteout } from "./whiteout.ts";
import { baseOf, parentOf } from "./resolve-path.ts";
import { explainWrite } from "./write-error.ts";
import { bytesOf, describeCopy, setMetadata } from "./write-node.ts";
import type { WriteContext } from "./write-node.ts";
import { O_PATH } from "../sys/syscalls.ts";

const S_IFSOCK = 0o140000;
/** Shares the blocks of the file where the file system can; otherwise the kernel copies them. */
const COPY = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Copies nodes of other places into a directory, with all that is known of them: names of one file stay
 * names of one file. Parents come before their children; `finish` gives directories what is theirs.
 */
export class PlainWriter {
  readonly #root: RootDirectory;
  readonly #context: WriteContext;
  readonly #isStill: boolean;
  /** First names of files that have several, by identity. */
  readonly #names = new Map<string, string>();
  readonly #directories: (Metadata & { readonly path: string })[] = [];

  /** `isStill`: nobody changes the sources, so that they need not be watched. */
  constructor(root: RootDirectory, context: WriteContext, { isStill }: { readonly isStill: boolean }) {
    this.#root = root;
    this.#context = context;
    this.#isStill = isStill;
  }

  /** Makes `path`, where nothing is or both are directories, what `node` is. Throws `DISK_FULL`, `LAYER_WRITE_FAILED` and `FILE_CHANGED`. */
  put(path: string, node: DiskNode): void {
    try {
      if (node.type === "directory") this.#putDirectory(path, node);
      else if (!this.#putLink(path, node)) this.#putNode(path, node);
    } catch (error) {
      throw explainWrite(error, path, "LAYER_WRITE_FAILED");
    }
  }

  /** Says that what lies below has nothing at `path` any more. */
  whiteOut(path: string): void {
    makeWhiteout(bytesOf(this.#root.directory(parentOf(path))), baseOf(path), this.#context.syscalls);
  }

  /** Gives directories their owners, modes and times, from below: they change while they are filled. */
  finish(): void {
    for (const directory of this.#directories.toReversed()) {
      const place = `${bytesOf(this.#root.directory(directory.path))}/.`;
      setMetadata(place, directory, "directory", this.#context);
    }
  }

  #putDirectory(path: string, { mode, uid, gid, mtime, xattrs }: DiskNode): void {
    this.#directories.push({ path, mode, uid, gid, mtime, xattrs });
    if (path !== "" && this.#root.lstat(path) === undefined) mkdirSync(this.#root.at(path), 0o700);
  }

  #putLink(path: string, node: DiskNode): boolean {
    if (node.links < 2) return false;
    const first = this.#names.get(node.identity);
    if (first === undefined) {
      this.#names.set(node.identity, path);
      return false;
    }
    const fd = openSync(this.#root.at(first), O_PATH | constants.O_NOFOLLOW);
    try {
      this.#context.syscalls.linkFollowing(`/proc/self/fd/${fd}`, bytesOf(this.#root.at(path)));
    } finally {
      closeSync(fd);
    }
    // Where metadata is kept, that of a link is by its name.
    if (node.type === "symlink" && this.#context.syscalls.keepsMetadata === true)
      setMetadata(this.#root.at(path), { ...metadataOf(node), path }, "symlink", this.#context);
    return true;
  }

  #putNode(path: string, node: DiskNode): void {
    const place = this.#root.at(path);
    const metadata = { ...metadataOf(node), path };
    switch (node.type) {
      case "file":
        return this.#putFile(place, node, metadata);
      case "symlink":
        symlinkSync(fsPath(node.target ?? ""), place);
        return setMetadata(place, metadata, "symlink", this.#context);
      case "char":
      case "block":
        return makeDevice(
          place,
          { type: node.type, ...metadata, major: node.major ?? 0, minor: node.minor ?? 0 },
          this.#context,
        );
      case "fifo":
        return makeDevice(place, { type: "fifo", ...metadata }, this.#context);
      case "socket":
        this.#context.syscalls.mknod(bytesOf(place), S_IFSOCK | 0o600);
        return setMetadata(place, metadata, "socket", this.#context);
      case "directory":
        return;
    }
  }

  #putFile(place: Place, node: DiskNode, metadata: Metadata & { readonly path: string }): void {
    if (this.#isStill) copyFileSync(fsPath(node.path), place, COPY);
    else copyWatched(node, place);
    describeCopy(place, metadata, this.#context);
  }
}

/** Copies the file that `node` describes and none that took its place. */
function copyWatched({ path, stats }: DiskNode, place: Place): void {
  let fd: number;
  try {
    fd = openSync(fsPath(path), READ);
  } catch (error) {
    throw errnoOf(error) === "ENOENT" || errnoOf(error) === "ELOOP" ? changed(path) : unreadable(path, error);
  }
  try {
    if (!isSame(stats, fstatSync(fd, { bigint: true }))) throw changed(path);
    copyFileSync(`/proc/self/fd/${fd}`, place, COPY);
    if (!isSame(stats, fstatSync(fd, { bigint: true }))) throw changed(path);
  } finally {
    closeSync(fd);
  }
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.ctimeNs === b.ctimeNs && a.size === b.size && a.mode === b.mode;
}

function metadataOf({ mode, uid, gid, mtime, xattrs }: DiskNode): Metadata {
  return { mode, uid, gid, mtime, xattrs };
}
