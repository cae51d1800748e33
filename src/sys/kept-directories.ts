import { closeSync, constants, openSync } from "node:fs";
import type { BytesPath } from "./bytes-path.ts";
import { fsPath } from "./bytes-path.ts";
import { O_PATH } from "./syscalls.ts";

/** Opens the directory itself and never what a link of its name points to. A path descriptor needs no permission to read. */
export const OPEN_DIRECTORY: number = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Directories on one way down that stay open. Deeper ones are opened one after the other. */
const MAX_KEPT = 48;

export function selfFd(fd: number): BytesPath {
  return `/proc/self/fd/${fd}`;
}

export function entryOf(fd: number, name: BytesPath): BytesPath {
  return `/proc/self/fd/${fd}/${name}`;
}

interface Kept {
  readonly name: BytesPath;
  readonly fd: number;
}

/**
 * Descriptors of the directories on the way down from a root, for {@link RootDirectory}.
 *
 * A way is a list of names `real`. Between calls the kept ones are the beginning of that way, or the
 * way is a beginning of them, so one that turns back and comes again opens nothing anew.
 */
export class KeptDirectories {
  readonly root: number;
  readonly #kept: Kept[] = [];
  /** The last directory of a way that is longer than what is kept. */
  #deep: number | undefined;
  #open = true;

  constructor(root: number) {
    this.root = root;
  }

  /** Goes from `real` to its directory `name`. Throws as openSync does: `ENOTDIR` or `ELOOP` where that is a link. */
  enter(real: readonly string[], name: string, spend: () => void): void {
    const depth = real.length;
    if (this.#kept[depth]?.name === name) return;
    this.#truncate(depth);
    const fd = openSync(fsPath(entryOf(this.descriptor(real, spend), name)), OPEN_DIRECTORY);
    if (depth === this.#kept.length && depth < MAX_KEPT) {
      this.#kept.push({ name, fd });
      return;
    }
    this.#closeDeep();
    this.#deep = fd;
  }

  /** Of the directory at the end of `real`. `spend` is called for each that has to be opened again. */
  descriptor(real: readonly string[], spend: () => void): number {
    if (real.length === 0) return this.root;
    const kept = this.#kept[real.length - 1];
    if (kept !== undefined) return kept.fd;
    return this.#deep ?? this.#reopen(real, spend);
  }

  /** Tells that the way, `depth` names long, goes on from above its end. */
  leave(depth: number): void {
    if (depth > this.#kept.length) this.#closeDeep();
  }

  forget(): void {
    this.#closeDeep();
    this.#truncate(0);
  }

  close(): void {
    if (!this.#open) return;
    this.forget();
    this.#open = false;
    closeSync(this.root);
  }

  #reopen(real: readonly string[], spend: () => void): number {
    let fd = this.#kept.at(-1)?.fd ?? this.root;
    for (const name of real.slice(this.#kept.length)) {
      spend();
      fd = openSync(fsPath(entryOf(fd, name)), OPEN_DIRECTORY);
      this.#closeDeep();
      this.#deep = fd;
    }
    return fd;
  }

  #truncate(length: number): void {
    while (this.#kept.length > length) {
      const last = this.#kept.pop();
      if (last !== undefined) closeSync(last.fd);
    }
  }

  #closeDeep(): void {
    if (this.#deep === undefined) return;
    closeSync(this.#deep);
    this.#deep = undefined;
  }
}
