import { mkdirSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { copyRoot } from "../snapshot/copy-root.ts";
import { fuseOverlayRoot } from "../snapshot/fuse-overlay-root.ts";
import { keepsDevices } from "../snapshot/keeps-devices.ts";
import { overlayRoot } from "../snapshot/overlay-root.ts";
import type { RootMaker } from "../snapshot/writable-root.ts";
import { findPrograms } from "../sys/find-programs.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { Syscalls } from "../sys/syscalls.ts";

export interface RootChoice {
  /** On the file system of the snapshots. */
  readonly session: string;
  readonly scratch: string;
  readonly syscalls: Syscalls;
  /** Whether we may mount at all. */
  readonly mounts: boolean;
  readonly note: (code: string, message: string) => void;
}

/** How the root file systems of RUNs are made here: by overlayfs where that works, tried once; else by fuse-overlayfs, else by copying. */
export async function chooseRoots({ session, scratch, syscalls, mounts, note }: RootChoice): Promise<RootMaker> {
  const copies = (): RootMaker =>
    copyRoot({ place: `${session}/roots`, syscalls, onNotice: (message) => note("LAYER_INCOMPLETE", message) });
  if (!mounts) return copies();
  const overlays = overlayRoot({ scratch, syscalls });
  const refused = await tryRoots(overlays, `${session}/overlay-probe`);
  if (refused === undefined) return overlays;
  return (await servedRoots({ session, scratch, syscalls })) ?? copies();
}

/** By fuse-overlayfs, where it is installed, may mount and does what it should: files are copied rather than spoilt. */
async function servedRoots({
  session,
  scratch,
  syscalls,
}: Pick<RootChoice, "session" | "scratch" | "syscalls">): Promise<RootMaker | undefined> {
  const program = findPrograms(["fuse-overlayfs"], process.env["PATH"] ?? "")[0];
  if (program === undefined) return undefined;
  const roots = fuseOverlayRoot({ program, scratch, syscalls });
  const space = `${session}/fuse-probe`;
  mkdirSync(space);
  try {
    return (await keepsDevices(roots, space, syscalls, AbortSignal.timeout(PROBE_TIME))) ? roots : undefined;
  } catch (error) {
    if (error instanceof AppError && error.code === "OVERLAY_FUSE_FAILED") return undefined;
    throw error;
  } finally {
    removeTree(fromUtf8(space));
  }
}

const PROBE_TIME = 15_000;

async function tryRoots(roots: RootMaker, space: string): Promise<AppError | undefined> {
  mkdirSync(space);
  try {
    const root = await roots.open({ lower: [], upper: `${space}/fs`, space }, new AbortController().signal);
    await root.discard();
    return undefined;
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== "OVERLAY_MOUNT_FAILED") throw error;
    return error;
  } finally {
    removeTree(fromUtf8(space));
  }
}
