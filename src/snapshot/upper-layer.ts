import { mkdirSync } from "node:fs";
import { AppError, errnoOf } from "../base/errors.ts";
import type { Content, Metadata } from "../layer/entry.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Place } from "../sys/root-path.ts";
import { DiskNode, isWhiteout } from "./disk-node.ts";
import { baseOf, joinPath, parentOf, resolvePath, showPath } from "./resolve-path.ts";
import type { Tree, TreeNode } from "./tree.ts";
import { bytesOf, setMetadata, setTime } from "./write-node.ts";
import type { WriteContext } from "./write-node.ts";
import { OPAQUE_XATTR } from "./xattr-policy.ts";

/** A directory that no layer describes: as containerd makes them, and with a time that is the same everywhere. */
const IMPLIED: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0n };

const WHITEOUT_MODE = 0o020000;

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
  /** Directories as layers name them, to real ones that are in this layer. */
  readonly #directories = new Map<string, string>([["", ""]]);
  /** Times that directories get when nothing is put into them any more. */
  readonly #times = new Map<string, bigint>();

  /** `directory` must exist and be empty. */
  constructor(directory: string, parents: Tree, context: WriteContext) {
    this.#root = RootDirectory.open(directory, { links: "refuse" });
    this.#parents = parents;
    this.#context = context;
    this.describeDirectory("", parents.lstat("") ?? IMPLIED);
  }

  /** The real path that an entry at `path` is written to; its parents are made where they are missing. */
  locate(path: string): string {
    return joinPath(this.directory(parentOf(path)), baseOf(path));
  }

  /** The real path of a directory, made where it is missing: as the layers below have it, or implied. */
  directory(path: string): string {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const real = this.#enter(this.locate(path), path);
    this.#directories.set(path, real);
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
    return new DiskNode(real, stats, {}, target);
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
    if (real === "" || this.#tryMkdir(real)) return;
    if (this.own(real)?.type === "directory") return;
    this.#remove(real);
    this.#tryMkdir(real);
    // What it replaced hid everything below, and must go on to.
    this.hideBelow(real);
  }

  describeDirectory(real: string, metadata: Metadata): void {
    const place = this.#place(real);
    setMetadata(place, { ...pickMetadata(metadata), path: real }, "directory", this.#context);
    this.#times.set(real, metadata.mtime);
  }

  /** Hides what the layers below have in the directory `real`. */
  hideBelow(real: string): void {
    this.#context.syscalls.lsetxattr(bytesOf(this.#place(real)), OPAQUE_XATTR, Buffer.from("y"));
    this.#opaque.add(real);
  }

  whiteOut(real: string): void {
    this.#context.syscalls.mknod(bytesOf(this.#root.at(real)), WHITEOUT_MODE, 0, 0);
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

  #enter(real: string, path: string): string {
    const own = this.own(real);
    if (own?.type === "directory") return real;
    const hidden = own !== undefined && isWhiteout(own);
    const node = hidden ? undefined : (own ?? this.#below(real));
    if (node?.type === "symlink") return this.directory(resolvePath(this.#merged, real, { followLast: true }));
    if (node !== undefined && node.type !== "directory") throw notDirectory(path, node.type);
    this.makeDirectory(real);
    this.describeDirectory(real, node ?? IMPLIED);
    return real;
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
    this.#directories.clear();
    this.#directories.set("", "");
    for (const known of [...this.#times.keys(), ...this.#opaque]) {
      if (known !== real && !known.startsWith(`${real}/`)) continue;
      this.#times.delete(known);
      this.#opaque.delete(known);
    }
  }

  /** Of a directory that is there: by its `.`, so that no call can be led to anything else. */
  #place(real: string): Place {
    return `${bytesOf(this.#root.directory(real))}/.`;
  }
}

function pickMetadata({ mode, uid, gid, mtime, xattrs }: Metadata): Metadata {
  return { mode, uid, gid, mtime, xattrs };
}

function notDirectory(path: string, type: string): AppError {
  return new AppError("LAYER_INVALID", `layer puts something below ${showPath(path)}, which is a ${type} and no directory`);
}
