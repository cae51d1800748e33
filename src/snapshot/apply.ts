import { mkdirSync, symlinkSync, closeSync, constants, openSync } from "node:fs";
import { AppError } from "../base/errors.ts";
import { breather } from "../base/steps.ts";
import type { DeviceEntry, Entries, Entry, FifoEntry, FileEntry, HardlinkEntry, SymlinkEntry } from "../layer/entry.ts";
import { fsPath } from "../sys/bytes-path.ts";
import { O_PATH } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { makeDevice } from "./make-device.ts";
import { bareEntryOf, withContent } from "./node-entry.ts";
import { writeKeptName } from "./kept-names.ts";
import type { KeptMetadata } from "./kept-metadata.ts";
import { baseOf, parentOf, showPath } from "./resolve-path.ts";
import type { Tree } from "./tree.ts";
import { UpperLayer } from "./upper-layer.ts";
import { explainWrite } from "./write-error.ts";
import { bytesOf, setMetadata, writeFile } from "./write-node.ts";
import type { WriteContext } from "./write-node.ts";

export interface ApplyOptions {
  readonly syscalls: Syscalls;
  readonly signal: AbortSignal;
  /** Told what could not be put on disk and was left out (devices, attributes). Default: nobody. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/**
 * Extracts a layer into `directory`, which is made, in overlayfs form: whiteouts are devices 0:0, a
 * directory that hides what is below carries `user.overlay.opaque`.
 *
 * Nothing is written outside, whatever the layer says; links on the way are followed inside the root,
 * in what `parents` and this layer show together. Where a path comes twice the later one stays, and a
 * whiteout never hides what is of its own layer. A device that may not be made is left out, with a
 * notice: COPY from this snapshot will not see it, but the image keeps the layer as it is.
 * Throws `LAYER_INVALID`, `LAYER_ID_UNMAPPED`, `LAYER_CONTENT_CHANGED`, `DISK_FULL` and `LAYER_WRITE_FAILED`;
 * what was written until then stays for the caller to remove.
 */
export async function applyEntries(
  entries: Entries,
  directory: string,
  parents: Tree,
  options: ApplyOptions,
): Promise<void> {
  const { syscalls, signal, onNotice: notice = () => {} } = options;
  const context: WriteContext = { syscalls, notice };
  mkdirSync(directory, { recursive: true });
  const layer = new UpperLayer(directory, parents, context);
  const iterator = Symbol.asyncIterator in entries ? entries[Symbol.asyncIterator]() : entries[Symbol.iterator]();
  const breathe = breather(signal);
  try {
    for (;;) {
      const step = iterator.next();
      const result = step instanceof Promise ? await step : step;
      if (result.done === true) break;
      const waiting = applyEntry(layer, result.value, context);
      if (waiting !== undefined) await waiting;
      const rest = breathe();
      if (rest !== undefined) await rest;
      signal.throwIfAborted();
    }
    layer.finish();
  } catch (error) {
    await abandon(iterator);
    throw error;
  } finally {
    layer.close();
  }
}

/** As for-await does: what the reader has to say about being left counts less than why it is left. */
async function abandon(iterator: Iterator<Entry> | AsyncIterator<Entry>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    return;
  }
}

function applyEntry(layer: UpperLayer, entry: Entry, context: WriteContext): void | Promise<void> {
  try {
    const waiting = dispatch(layer, entry, context);
    return waiting?.catch((error: unknown) => {
      throw explainWrite(error, entry.path, "LAYER_WRITE_FAILED");
    });
  } catch (error) {
    throw explainWrite(error, entry.path, "LAYER_WRITE_FAILED");
  }
}

function dispatch(layer: UpperLayer, entry: Entry, context: WriteContext): Promise<void> | undefined {
  switch (entry.type) {
    case "directory":
      return applyDirectory(layer, entry.path === "" ? "" : layer.locate(entry.path), entry);
    case "file":
      return applyFile(layer, layer.locate(entry.path), entry, context);
    case "symlink":
      return applySymlink(layer, layer.locate(entry.path), entry, context);
    case "hardlink":
      return applyHardlink(layer, layer.locate(entry.path), entry, context);
    case "char":
    case "block":
    case "fifo":
      return applyDevice(layer, layer.locate(entry.path), entry, context);
    case "whiteout":
      return applyWhiteout(layer, entry.path);
    case "opaque":
      return applyOpaque(layer, entry.path);
  }
}

function applyDirectory(layer: UpperLayer, real: string, entry: Extract<Entry, { type: "directory" }>): undefined {
  layer.makeDirectory(real);
  layer.describeDirectory(real, entry);
}

function applyFile(
  layer: UpperLayer,
  real: string,
  entry: FileEntry,
  context: WriteContext,
): Promise<void> | undefined {
  try {
    const waiting = layer.put(real, (place) => writeFile(place, entry, context, layer.fresh));
    if (waiting instanceof Promise) return waiting.finally(() => entry.content.close());
    entry.content.close();
    return undefined;
  } catch (error) {
    entry.content.close();
    throw error;
  }
}

function applySymlink(layer: UpperLayer, real: string, entry: SymlinkEntry, context: WriteContext): undefined {
  layer.put(real, (place) => {
    symlinkSync(fsPath(entry.target), place);
    setMetadata(place, entry, "symlink", context);
  });
}

/** Its metadata is that of the file it names: to set the entry's own would change all other names. */
function applyHardlink(
  layer: UpperLayer,
  real: string,
  entry: HardlinkEntry,
  context: WriteContext,
): Promise<void> | undefined {
  const target = layer.resolve(entry.target, false);
  if (target === real || target.startsWith(`${real}/`)) throw invalidLink(entry, "it takes the place of that");
  const node = layer.lstat(target);
  if (node === undefined) throw invalidLink(entry, "nothing is there");
  if (node.type === "directory") throw invalidLink(entry, "a directory is there");
  const kept: KeptMetadata | undefined =
    context.syscalls.keepsMetadata === true && node.type !== "file"
      ? { uid: node.uid, gid: node.gid, mode: node.mode }
      : undefined;
  const waiting = layer.own(target) === undefined ? copyUp(layer, target, context) : undefined;
  const link = (): void => {
    const fd = openSync(layer.at(target), O_PATH | constants.O_NOFOLLOW);
    try {
      layer.put(real, (place) => context.syscalls.linkFollowing(`/proc/self/fd/${fd}`, bytesOf(place)));
    } finally {
      closeSync(fd);
    }
    if (kept !== undefined)
      writeKeptName(`${bytesOf(layer.at(real)).replace(/[^/]*$/, "")}.`, baseOf(real), kept, context.syscalls);
  };
  if (waiting === undefined) link();
  return waiting?.then(link);
}

/** Brings a file of the layers below into this one, as overlayfs does before it makes a link to it. */
function copyUp(layer: UpperLayer, real: string, context: WriteContext): Promise<void> | undefined {
  const node = layer.lstat(real);
  const entry = node && bareEntryOf(real, node);
  if (entry === undefined) return undefined;
  layer.directory(parentOf(real));
  return dispatch(layer, entry.type === "file" ? withContent(entry, layer.openBelow(real)) : entry, context);
}

function applyDevice(
  layer: UpperLayer,
  real: string,
  entry: DeviceEntry | FifoEntry,
  context: WriteContext,
): undefined {
  // On disk it would be a whiteout.
  if (entry.type === "char" && entry.major === 0 && entry.minor === 0) {
    context.notice(`${showPath(entry.path)}: device 0:0 is left out`);
    return;
  }
  layer.put(real, (place) => makeDevice(place, entry, context));
}

function applyWhiteout(layer: UpperLayer, path: string): undefined {
  // What is not there need not be hidden, and its directory not be made.
  if (layer.lstat(layer.resolve(path, false)) === undefined) return;
  layer.whiteOut(layer.locate(path));
}

function applyOpaque(layer: UpperLayer, path: string): undefined {
  if (layer.lstat(layer.resolve(path, true))?.type === "directory") layer.hideBelow(layer.directory(path));
}

function invalidLink({ path, target }: HardlinkEntry, found: string): AppError {
  return new AppError("LAYER_INVALID", `${showPath(path)} is a hard link to ${showPath(target)}, but ${found}`);
}
