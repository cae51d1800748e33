import { mkdirSync } from "node:fs";
import { takeSteps } from "../base/steps.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { removeTree } from "../sys/remove-tree.ts";
import { RootDirectory } from "../sys/root-path.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { advanceCopy } from "./advance-copy.ts";
import { DiskNode } from "./disk-node.ts";
import { earliestChange, momentAfter } from "./file-clock.ts";
import type { Moment } from "./file-clock.ts";
import { KeptRoots } from "./kept-roots.ts";
import { LayeredTree } from "./layered-tree.ts";
import { PlainWriter } from "./plain-writer.ts";
import { parentOf } from "./resolve-path.ts";
import { StatIndex } from "./stat-index.ts";
import { findChanges } from "./tree-changes.ts";
import type { TreeChanges } from "./tree-changes.ts";
import type { Tree } from "./tree.ts";
import { walk } from "./walk.ts";
import type { RootLayers, RootMaker, WritableRoot } from "./writable-root.ts";
import type { WriteContext } from "./write-node.ts";

export interface CopyRootOptions {
  /** A directory of ours on the file system of the snapshots, where the copies are. It is made. */
  readonly place: string;
  readonly syscalls: Syscalls;
  /** Told what could not be copied. Default: nobody. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** A copy, and what its files were when that was last known. */
export interface PlainRoot {
  readonly directory: string;
  readonly index: StatIndex;
  readonly since: Moment;
}

/**
 * Writable roots by copying, where nothing can be mounted: the layers are laid out as plain files, and
 * when the RUN has ended lstat(2) tells what it changed. The copy then is what the next RUN of the same
 * chain begins with, so that one is made for each stage and not for each RUN. A few are kept.
 */
export function copyRoot({ place, syscalls, onNotice: notice = () => {} }: CopyRootOptions): RootMaker {
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const context: WriteContext = { syscalls, notice };
  const kept = new KeptRoots();
  let count = 0;
  const open = async (layers: RootLayers, signal: AbortSignal): Promise<WritableRoot> => {
    const { root: known, holds = 0 } = kept.take(layers.lower) ?? {};
    const directory = known?.directory ?? `${place}/${count++}`;
    const isWhole = known !== undefined && holds === layers.lower.length;
    const root = isWhole ? known : await fill(directory, layers.lower, holds, place, context, signal);
    return new CopiedRoot(root, layers, place, kept, context);
  };
  return { kind: "copy", open };
}

/** Lays the layers out in `directory`, which holds so many of the lowest already, or is made. */
async function fill(
  directory: string,
  lower: readonly string[],
  holds: number,
  place: string,
  context: WriteContext,
  signal: AbortSignal,
): Promise<PlainRoot> {
  // What an empty root is; others are described by their layers.
  if (holds === 0) mkdirSync(directory, { mode: 0o755 });
  const root = RootDirectory.open(directory, { links: "refuse" });
  try {
    const steps = holds === 0 ? copyAll(root, lower, context) : advanceAll(root, lower.slice(holds), context);
    await takeSteps(steps, signal);
    return remember(directory, await takeSteps(StatIndex.read(root, context.syscalls), signal), place);
  } catch (error) {
    removeTree(fromUtf8(directory));
    throw error;
  } finally {
    root.close();
  }
}

function* copyAll(root: RootDirectory, lower: readonly string[], context: WriteContext): Generator<void, void> {
  const tree = new LayeredTree(lower, context.syscalls);
  const writer = new PlainWriter(root, context, { isStill: true });
  const top = tree.lstat("");
  if (top instanceof DiskNode) writer.put("", top);
  for (const { path, node } of walk(tree, "")) {
    if (node instanceof DiskNode) writer.put(path, node);
    yield;
  }
  writer.finish();
}

function* advanceAll(root: RootDirectory, layers: readonly string[], context: WriteContext): Generator<void, void> {
  for (const layer of layers) yield* advanceCopy(root, layer, context);
}

/** To be called when nothing changes the files: what does later has a later time than any of them. */
function remember(directory: string, index: StatIndex, place: string): PlainRoot {
  return { directory, index, since: momentAfter(index.latest, place) };
}

class CopiedRoot implements WritableRoot {
  readonly directory: string;
  readonly changes: string;
  #root: PlainRoot | undefined;
  readonly #layers: RootLayers;
  readonly #place: string;
  readonly #kept: KeptRoots;
  readonly #context: WriteContext;

  constructor(root: PlainRoot, layers: RootLayers, place: string, kept: KeptRoots, context: WriteContext) {
    this.directory = this.changes = root.directory;
    this.#root = root;
    this.#layers = layers;
    this.#place = place;
    this.#kept = kept;
    this.#context = context;
  }

  /** Nothing is mounted. */
  release(): void {}

  async collect(signal: AbortSignal): Promise<void> {
    const root = this.#root;
    if (root === undefined) return;
    const { lower, upper } = this.#layers;
    const { syscalls } = this.#context;
    const unclear = earliestChange(root.since, momentAfter(0n, this.#place));
    const files = RootDirectory.open(root.directory, { links: "refuse" });
    try {
      const tree = new LayeredTree(lower, syscalls);
      const before = { index: root.index, unclear };
      const changes = await takeSteps(findChanges(files, before, tree, syscalls), signal);
      await takeSteps(writeUpper(files, changes, tree, upper, this.#context), signal);
      this.#root = undefined;
      this.#kept.keep(remember(root.directory, changes.index, this.#place), [...lower, upper]);
    } finally {
      files.close();
    }
  }

  async discard(): Promise<void> {
    if (this.#root !== undefined) removeTree(fromUtf8(this.#root.directory));
    this.#root = undefined;
  }
}

/** Puts changes into the new directory `upper`, in overlayfs form. Yields after each. */
function* writeUpper(
  files: RootDirectory,
  { put, gone }: TreeChanges,
  lower: Tree,
  upper: string,
  context: WriteContext,
): Generator<void, void> {
  mkdirSync(upper, { mode: 0o700 });
  const root = RootDirectory.open(upper, { links: "refuse" });
  try {
    const writer = new PlainWriter(root, context, { isStill: false });
    const there = new Set<string>();
    const node = (path: string): DiskNode | undefined => {
      const stats = files.lstat(path);
      const place = path === "" ? `${files.directory("").toString("latin1")}/.` : files.at(path).toString("latin1");
      return stats && new DiskNode(place, stats, { syscalls: context.syscalls });
    };
    const add = (path: string): void => {
      if (there.has(path)) return;
      there.add(path);
      if (path !== "") add(parentOf(path));
      const found = node(path);
      if (found !== undefined) writer.put(path, found);
    };
    add("");
    for (const path of put) {
      add(path);
      yield;
    }
    for (const path of gone) {
      yield;
      // A name of the RUN before this one that no layer holds, such as a device 0:0.
      if (lower.lstat(path) === undefined) continue;
      add(parentOf(path));
      writer.whiteOut(path);
    }
    writer.finish();
  } finally {
    root.close();
  }
}
