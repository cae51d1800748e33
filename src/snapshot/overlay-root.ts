import { mkdirSync, mkdtempSync } from "node:fs";
import { fromUtf8 } from "../layer/entry.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { emptyLayer } from "./empty-layer.ts";
import { LayeredTree } from "./layered-tree.ts";
import { makeUpper, mountOverlay, unmount } from "./overlay.ts";
import type { RootLayers, RootMaker, WritableRoot } from "./writable-root.ts";

export interface OverlayRootOptions {
  /** A directory of ours, where mount points are made. */
  readonly scratch: string;
  readonly syscalls: Syscalls;
}

/** Writable roots by the kernel's overlayfs. {@link RootMaker.open} throws as {@link mountOverlay}. */
export function overlayRoot(options: OverlayRootOptions): RootMaker {
  return { kind: "overlay", open: async (layers) => openOverlay(layers, options) };
}

function openOverlay({ lower, upper, space }: RootLayers, { scratch, syscalls }: OverlayRootOptions): WritableRoot {
  const work = `${space}/work`;
  mkdirSync(work, { mode: 0o700 });
  makeUpper(upper, new LayeredTree(lower, syscalls), syscalls);
  const directory = mkdtempSync(`${scratch}/root-`);
  let mounted = false;
  let there = true;
  const release = (): void => {
    if (mounted) unmount(directory, syscalls);
    mounted = false;
    if (!there) return;
    there = false;
    removeTree(fromUtf8(directory));
    removeTree(fromUtf8(work));
  };
  try {
    // An overlay needs something below, also where the image has nothing yet.
    const below = lower.length > 0 ? lower : [emptyLayer(scratch)];
    mountOverlay({ lower: below, upper, work, target: directory, syscalls });
    mounted = true;
  } catch (error) {
    release();
    throw error;
  }
  const end = async (): Promise<void> => release();
  return { directory, changes: upper, release, collect: end, discard: end };
}
