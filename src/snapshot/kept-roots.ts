import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { PlainRoot } from "./copy-root.ts";
import { O_PATH } from "../sys/syscalls.ts";

/** As many copies of a root file system stay on disk. */
const LIMIT = 4;

interface Kept {
  readonly root: PlainRoot;
  /** All layers but the highest, lowest first. */
  readonly below: readonly string[];
  /** The highest: it moves to its place when it is published, and is the same directory then. */
  readonly top: number;
}

/** Copies whose RUN has ended, for the next one of the same chain or one above it: each is taken once. */
export class KeptRoots {
  readonly #kept: Kept[] = [];

  /** Takes over `root`, which holds what `layers` show. The oldest has to go where there are many. */
  keep(root: PlainRoot, layers: readonly string[]): void {
    const highest = layers.at(-1);
    if (highest === undefined) return removeRoot(root);
    // While it is open its inode is not another's.
    const top = openSync(highest, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.#kept.push({ root, below: layers.slice(0, -1), top });
    const oldest = this.#kept.length > LIMIT ? this.#kept.shift() : undefined;
    if (oldest === undefined) return;
    closeSync(oldest.top);
    removeRoot(oldest.root);
  }

  /** The copy that holds most of `layers`, which is the caller's then, and how many it holds. */
  take(layers: readonly string[]): { readonly root: PlainRoot; readonly holds: number } | undefined {
    const fits = this.#kept.filter((kept) => isBegin(kept, layers));
    const best = fits.toSorted((a, b) => b.below.length - a.below.length)[0];
    if (best === undefined) return undefined;
    this.#kept.splice(this.#kept.indexOf(best), 1);
    closeSync(best.top);
    return { root: best.root, holds: best.below.length + 1 };
  }
}

function isBegin({ below, top }: Kept, layers: readonly string[]): boolean {
  const highest = layers[below.length];
  if (highest === undefined || !below.every((layer, index) => layer === layers[index])) return false;
  const ours = fstatSync(top, { bigint: true });
  try {
    const there = statSync(highest, { bigint: true });
    return there.ino === ours.ino && there.dev === ours.dev;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

function removeRoot({ directory }: PlainRoot): void {
  removeTree(fromUtf8(directory));
}
