import { closeSync, existsSync, mkdirSync, openSync, renameSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { takeSteps } from "../base/steps.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { digestSteps } from "../snapshot/content-digest.ts";
import { copyEntries } from "../snapshot/copy.ts";
import { emptyTree } from "../snapshot/empty-tree.ts";
import { giveFile } from "../snapshot/give-file.ts";
import { selectSources } from "../snapshot/select.ts";
import type { WorkerContext } from "./context.ts";
import type { CacheMount } from "./protocol.ts";
import { extract } from "./result.ts";
import { chainTree } from "./snapshots.ts";

export interface OpenCache {
  readonly directory: string;
  close(): void;
}

/** How often, in milliseconds, a locked cache is asked for again. */
const RETRY = 50;

/**
 * Takes the directory of a cache, which is made where it is new. `shared` takes it together with
 * others, `locked` waits until it is free, and `private` takes another one of the same name where it is
 * not. The locks are the kernel's (flock): they hold between builds and end with the process.
 */
export async function openCache(mount: CacheMount, context: WorkerContext, signal: AbortSignal): Promise<OpenCache> {
  const parent = context.store.cacheDirectory(mount.name);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  for (let number = 0; ;) {
    signal.throwIfAborted();
    const lock = openSync(`${parent}/${number}.lock`, "a", 0o600);
    try {
      if (context.syscalls.flock(lock, mount.sharing === "shared" ? "shared" : "exclusive")) {
        const directory = `${parent}/${number}`;
        if (!existsSync(directory)) await makeCache(directory, mount, context, signal);
        return { directory, close: () => closeSync(lock) };
      }
    } catch (error) {
      closeSync(lock);
      throw error;
    }
    closeSync(lock);
    if (mount.sharing === "private") number++;
    else await sleep(RETRY, undefined, { signal });
  }
}

/**
 * Made aside and renamed: two that share it may come at the same time, and the first one's stays. What begins as
 * a directory of elsewhere has that one's owner and mode, as with BuildKit.
 */
async function makeCache(
  directory: string,
  { from, mode, uid, gid }: CacheMount,
  context: WorkerContext,
  signal: AbortSignal,
): Promise<void> {
  const made = context.temp.tempPath("cache");
  if (from === undefined) {
    mkdirSync(made);
    giveFile(made, { uid, gid, mode: mode & 0o777 }, context.syscalls);
  } else {
    const source = chainTree(from.chain, context);
    const paths = [fromUtf8(from.source)];
    const selected = selectSources(source, paths);
    const expect = await takeSteps(digestSteps(source, selected), signal);
    const options = { source, paths, base: emptyTree, destination: "/", intoDirectory: true, expect };
    await extract(copyEntries(options), made, emptyTree, context, signal);
    const node = selected[0]?.node;
    if (node?.type === "directory") giveFile(made, { uid: node.uid, gid: node.gid, mode: node.mode }, context.syscalls);
  }
  // An empty one would be replaced.
  if (existsSync(directory)) return;
  try {
    renameSync(made, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}
