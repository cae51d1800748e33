import { closeSync, openSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import type { DeviceEntry, FifoEntry } from "../layer/entry.ts";
import type { Place } from "../sys/root-path.ts";
import { keepMetadata } from "./kept-metadata.ts";
import type { KeptMetadata } from "./kept-metadata.ts";
import { showPath } from "./resolve-path.ts";
import { bytesOf, setMetadata, setTime } from "./write-node.ts";
import type { WriteContext } from "./write-node.ts";

const FILE_TYPES = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

/**
 * Makes a device or fifo with its metadata. Where devices may not be made (in a user namespace, or without
 * CAP_MKNOD) an empty file stands for it if metadata is kept, and else it is left out with a notice.
 */
export function makeDevice(place: Place, entry: DeviceEntry | FifoEntry, context: WriteContext): void {
  const { path, type } = entry;
  const { major, minor } = entry.type === "fifo" ? { major: 0, minor: 0 } : entry;
  try {
    context.syscalls.mknod(bytesOf(place), FILE_TYPES[type] | 0o600, major, minor);
  } catch (error) {
    if (errnoOf(error) !== "EPERM") throw error;
    if (context.syscalls.keepsMetadata === true && type !== "fifo") {
      return keepDevice(place, entry, { type, major, minor }, context);
    }
    return context.notice(
      `${showPath(path)}: ${type} device ${major}:${minor} is left out: making devices is not permitted here`,
    );
  }
  setMetadata(place, entry, type, context);
}

/** An empty file that remembers what it stands for. */
function keepDevice(
  place: Place,
  { mode, uid, gid, mtime }: DeviceEntry | FifoEntry,
  device: NonNullable<KeptMetadata["device"]>,
  { syscalls }: WriteContext,
): void {
  closeSync(openSync(place, "wx", 0o600));
  keepMetadata(bytesOf(place), { mode, uid, gid, device }, "file", syscalls);
  setTime(place, mtime, syscalls);
}
