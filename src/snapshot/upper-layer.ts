import { closeSync, fstatSync, mkdirSync, openSync, unlinkSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import type { Content, Metadata } from "../layer/entry.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Place } from "../sys/root-path.ts";
import { DiskNode, isWhiteout } from "./disk-node.ts";
import { baseOf, joinPath, parentOf, resolvePath, showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { bytesOf, setMetadata, setTime } from "./write-node.ts";
import type { FreshFile, WriteContext } from "./write-node.ts";
import { makeWhiteout } from "./whiteout.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

/** A directory that no layer describes: as containerd makes them, and with a time that is the same everywhere. */
const IMPLIED: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0n };

const S_ISGID = 0o2000;

/**
 * A layer's directory while it is written, on top of the layers below.
 *
 * Names of a layer are looked up in what all layers show together, so that an entry below a link of
 * the image lands where the link leads, inside the root; *real* paths are what comes of that and hold
 * no link. On disk every step goes through {@link RootDirectory}, which follows none.
 */
export class UpperLayer {
  readonly #root: RootDirectory;
  readonly #parents: Tree;
  readonly #context: WriteContext;
  /** Real directories of this layer that hide what is below them. */
  readonly #opaque = new Set<string>();
  /** Real directories that no entry describes: they are there for what is in them. */
  readonly #implied = new Set<string>();
  /** Directories as layers name them, to real ones. */
  readonly #directories = new Map<string, string>();
  /** Real directories that are in this layer. */
  readonly #present = new Set<string>();
  /** Whether a link was followed to any of `#directories`. */
  #redirected = false;
  #fresh: FreshFile | undefined;
  /** Times that directories get when nothing is put into them any more. */
  readonly #times = new Map<string, bigint>();

  /** `directory` must exist and be empty. */
  constructor(directory: string, parents: Tree, context: WriteContext) {
    this.#root = RootDirectory.open(directory, { links: "refuse" });
    this.#parents = parents;
    this.#context = context;
    this.#fresh = probe(this.#root.at("probe"));
    this.describeDirectory("", parents.lstat("") ?? IMPLIED);
  }

  /** What a file is when it is made; undefined where that depends on the directory. */
  get fresh(): FreshFile | undefined {
    return this.#fresh;
  }

  /** The real path that an entry at `path` is written to; its parents are made where they are missing. */
  locate(path: string): string {
    return joinPath(this.directory(parentOf(path)), baseOf(path));
  }

  /** The real path of a directory, made where it is missing: as the layers below have it, or implied. */
  directory(path: string): string {
    const real = this.#resolveDirectory(path);
    this.#ensure(real, path);
    return real;
  }

  /** Where `path` leads in all layers together, be it there or not. Its last component is followed if `followLast`. */
  resolve(path: string, followLast: boolean): string {
    return resolvePath(this.#merged, path, { followLast });
  }

  /** What all layers show at the real path `real`. */
  lstat(real: string): TreeNode | undefined {
    return this.#merged.lstat(real);
  }

  /** What this layer has at `real`, which may be a whiteout. */
  own(real: string): DiskNode | undefined {
    const stats = this.#root.lstat(real);
    if (stats === undefined) return undefined;
    const target = stats.isSymbolicLink() ? this.#root.readlink(real) : undefined;
    const path = bytesOf(real === "" ? this.#place("") : this.#root.at(real));
    return new DiskNode(path, stats, { syscalls: this.#context.syscalls }, target);
  }

  /** The bytes of a file of the layers below. */
  openBelow(real: string): Content {
    return this.#parents.open(real);
  }

  /** Where `real`, which must be there, is on disk. Valid until the next call. */
  at(real: string): Place {
    return this.#root.at(real);
  }

  /** Puts something at `real`; what this layer had there, an earlier entry of the same name, goes. */
  put<T>(real: string, write: (place: Place) => T): T {
    this.#coverLink(real);
    try {
      return write(this.#root.at(real));
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    this.#remove(real);
    return write(this.#root.at(real));
  }

  /** Makes the directory `real`, or takes the one that is there. */
  makeDirectory(real: string): void {
    if (real === "") return;
    this.#coverLink(real);
    if (this.#tryMkdir(real)) return;
    if (this.own(real)?.type === "directory") return;
    this.#remove(real);
    this.#tryMkdir(real);
    // What it replaced hid everything below, and must go on to.
    this.hideBelow(real);
  }

  describeDirectory(real: string, metadata: Metadata): void {
    this.#implied.delete(real);
    // In a setgid directory, or with the mount option grpid in any, files get its group.
    if ((metadata.mode & S_ISGID) !== 0 || metadata.gid !== this.#fresh?.gid) this.#fresh = undefined;
    const place = this.#place(real);
    setMetadata(place, { ...pickMetadata(metadata), path: real }, "directory", this.#context);
    this.#times.set(real, metadata.mtime);
  }

  /** Hides what the layers below have in the directory `real`. */
  hideBelow(real: string): void {
    this.#context.syscalls.lsetxattr(bytesOf(this.#place(real)), OPAQUE_XATTR, Buffer.from("y"));
    this.#opaque.add(real);
    this.#implied.delete(real);
    if (this.#redirected) this.#forgetDirectories();
    this.#prune(real);
  }

  /** Hides what the layers below have at `real`; what this layer has there stays. */
  whiteOut(real: string): void {
    const own = this.own(real);
    if (own?.type === "directory" && !this.#isBare(real)) return this.hideBelow(real);
    if (own !== undefined && own.type !== "directory") return;
    if (own !== undefined) this.#remove(real);
    if (this.#below(real) === undefined) return;
    this.#coverLink(real);
    makeWhiteout(bytesOf(this.#root.directory(parentOf(real))), baseOf(real), this.#context.syscalls);
  }

  /** Sets the times of all directories. */
  finish(): void {
    for (const [real, mtime] of this.#times) setTime(this.#place(real), mtime, this.#context.syscalls);
  }

  close(): void {
    this.#root.close();
  }

  readonly #merged: Tree = {
    lstat: (path) => this.#lstatMerged(path),
    readdir: () => [],
    open: (path) => this.#parents.open(path),
  };

  #lstatMerged(path: string): TreeNode | undefined {
    for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
      const above = this.own(path.slice(0, slash));
      if (above === undefined) return this.#below(path);
      if (above.type !== "directory") return undefined;
    }
    const own = this.own(path);
    if (own === undefined) return this.#below(path);
    return isWhiteout(own) ? undefined : own;
  }

  /** What the layers below have at `real`, unless a directory of this one hides it. */
  #below(real: string): TreeNode | undefined {
    if (this.#opaque.size > 0) {
      for (let parent = parentOf(real); ; parent = parentOf(parent)) {
        if (this.#opaque.has(parent)) return undefined;
        if (parent === "") break;
      }
    }
    return this.#parents.lstat(real);
  }

  /** Where a directory is or would be, without making it. */
  #resolveDirectory(path: string): string {
    if (path === "") return "";
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const unlinked = joinPath(this.#resolveDirectory(parentOf(path)), baseOf(path));
    const isLink = this.#lookUp(unlinked)?.type === "symlink";
    const real = isLink ? this.resolve(unlinked, true) : unlinked;
    this.#directories.set(path, real);
    if (real !== path) this.#redirected = true;
    return real;
  }

  #lookUp(real: string): TreeNode | undefined {
    const parent = parentOf(real);
    if (parent !== "" && !this.#present.has(parent)) return this.#lstatMerged(real);
    const own = this.own(real);
    if (own === undefined) return this.#below(real);
    return isWhiteout(own) ? undefined : own;
  }

  /** Makes the real directory and those above it. `path` is what the layer calls it. */
  #ensure(real: string, path: string): void {
    if (real === "" || this.#present.has(real)) return;
    this.#ensure(parentOf(real), path);
    const own = this.own(real);
    if (own?.type !== "directory") {
      const node = own === undefined ? this.#below(real) : isWhiteout(own) ? undefined : own;
      if (node !== undefined && node.type !== "directory") throw notDirectory(path, node.type);
      this.makeDirectory(real);
      this.describeDirectory(real, node ?? IMPLIED);
      this.#implied.add(real);
    }
    this.#present.add(real);
  }

  /** Takes away directories below that are there for whiteouts only, when these have nothing left to hide. */
  #prune(real: string): void {
    for (const name of this.#root.readdir(real) ?? []) {
      const child = joinPath(real, name);
      if (this.own(child)?.type !== "directory") continue;
      if (this.#isBare(child)) this.#remove(child);
      else this.#prune(child);
    }
  }

  /** Whether a directory is there for whiteouts only. */
  #isBare(real: string): boolean {
    if (!this.#implied.has(real)) return false;
    return (this.#root.readdir(real) ?? []).every((name) => {
      const child = joinPath(real, name);
      const node = this.own(child);
      return node === undefined || isWhiteout(node) || (node.type === "directory" && this.#isBare(child));
    });
  }

  #tryMkdir(real: string): boolean {
    try {
      mkdirSync(this.#root.at(real), 0o700);
      return true;
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      throw error;
    }
  }

  #remove(real: string): void {
    this.#root.remove(real);
    this.#forgetDirectories();
    for (const known of this.#times.keys()) {
      if (known !== real && !known.startsWith(`${real}/`)) continue;
      this.#times.delete(known);
      this.#opaque.delete(known);
      this.#implied.delete(known);
    }
  }

  /** What covers a link of the layers below, or a directory that may hold one, leads names that went through it elsewhere. */
  #coverLink(real: string): void {
    if (!this.#redirected) return;
    const type = this.#below(real)?.type;
    if (type === "symlink" || type === "directory") this.#forgetDirectories();
  }

  #forgetDirectories(): void {
    this.#directories.clear();
    this.#present.clear();
    this.#redirected = false;
  }

  /** Of a directory that is there: by its `.`, so that no call can be led to anything else. */
  #place(real: string): Place {
    return `${bytesOf(this.#root.directory(real))}/.`;
  }
}

/** Makes a file and looks what came of it. */
function probe(place: Place): FreshFile {
  const fd = openSync(place, "wx", 0o777);
  try {
    const { uid, gid, mode } = fstatSync(fd);
    return { uid, gid, mask: 0o777 & ~mode };
  } finally {
    closeSync(fd);
    unlinkSync(place);
  }
}

function pickMetadata({ mode, uid, gid, mtime, xattrs }: Metadata): Metadata {
  return { mode, uid, gid, mtime, xattrs };
}

function notDirectory(path: string, type: string): AppError {
  return new AppError(
    "LAYER_INVALID",
    `layer puts something below ${showPath(path)}, which is a ${type} and no directory`,
  );
}
