import { lstatSync, mkdirSync, renameSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import type { RootMaker } from "./writable-root.ts";

/**
 * Whether what is no file stays what it is when it is copied up: fuse-overlayfs 1.10 makes files of devices and answers EIO for fifos.
 * `space` is an empty directory on the file system of the snapshots.
 */
export async function keepsDevices(
  roots: RootMaker,
  space: string,
  syscalls: Syscalls,
  signal: AbortSignal,
): Promise<boolean> {
  const lower = `${space}/lower`;
  mkdirSync(lower);
  const names = [makeNode(`${lower}/fifo`, S_IFIFO, syscalls), makeNode(`${lower}/device`, S_IFCHR, syscalls)].flat();
  const root = await roots.open({ lower: [lower], upper: `${space}/fs`, space }, signal);
  try {
    return names.every((name) => {
      const path = `${root.directory}/${name}`;
      renameSync(path, `${path}-moved`);
      return !lstatSync(`${path}-moved`).isFile();
    });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  } finally {
    await root.discard();
  }
}

const S_IFIFO = 0o010000;
const S_IFCHR = 0o020000;

/** Where no device can be made none is in any layer either. */
function makeNode(path: string, type: number, syscalls: Syscalls): readonly string[] {
  try {
    syscalls.mknod(path, type | 0o600, 1, 3);
    return [path.slice(path.lastIndexOf("/") + 1)];
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error;
    return [];
  }
}
