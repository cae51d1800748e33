import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { AppError, errnoOf } from "../base/errors.ts";
import { fromUtf8 } from "../layer/entry.ts";
import { removeTree } from "../sys/remove-tree.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { emptyLayer } from "./empty-layer.ts";
import { LayeredTree } from "./layered-tree.ts";
import { makeUpper, unmount } from "./overlay.ts";
import { toOverlayForm } from "./overlay-form.ts";
import type { RootLayers, RootMaker, WritableRoot } from "./writable-root.ts";

export interface FuseOverlayOptions {
  /** Absolute path of fuse-overlayfs. */
  readonly program: string;
  /** A directory of ours, where mount points are made. */
  readonly scratch: string;
  readonly syscalls: Syscalls;
}

const POLL = 2;
/** It takes some 10 ms. */
const PATIENCE = 10_000;

/**
 * Writable roots by fuse-overlayfs, which goes where overlayfs does not: onto another overlay. Whoever may
 * not open /dev/fuse, or not mount, gets `OVERLAY_FUSE_FAILED` with what the program said; so does who has a
 * colon or comma in a path, which it cannot be told.
 */
export function fuseOverlayRoot(options: FuseOverlayOptions): RootMaker {
  return { kind: "fuse-overlayfs", open: (layers, signal) => openFuse(layers, options, signal) };
}

async function openFuse(
  { lower, upper, space }: RootLayers,
  { program, scratch, syscalls }: FuseOverlayOptions,
  signal: AbortSignal,
): Promise<WritableRoot> {
  const work = `${space}/work`;
  mkdirSync(work, { mode: 0o700 });
  makeUpper(upper, new LayeredTree(lower, syscalls), syscalls);
  const directory = mkdtempSync(`${scratch}/root-`);
  const below = lower.length > 0 ? lower : [emptyLayer(scratch)];
  const server = serve(program, directory, { lower: below, upper, work });
  let there = true;
  const release = (): void => {
    if (!there) return;
    there = false;
    if (isMounted(directory, scratch)) unmount(directory, syscalls);
    for (const path of [directory, work]) removeTree(fromUtf8(path));
  };
  const discard = async (): Promise<void> => {
    release();
    server.child.kill("SIGKILL");
    await server.ended;
  };
  const collect = async (ending: AbortSignal): Promise<void> => {
    release();
    await endOf(server, ending);
    toOverlayForm(upper, syscalls);
  };
  try {
    await whenMounted(server, directory, scratch, signal);
  } catch (error) {
    await discard();
    throw error;
  }
  return { directory, changes: upper, release, collect, discard };
}

interface Server {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
  /** What it said, once it has ended. */
  said(): string | undefined;
}

function serve(
  program: string,
  directory: string,
  { lower, upper, work }: { readonly lower: readonly string[]; readonly upper: string; readonly work: string },
): Server {
  const options = `lowerdir=${lower.toReversed().join(":")},upperdir=${upper},workdir=${work}`;
  const argv = ["-f", "-o", options, directory];
  const child = spawn(program, argv, { cwd: "/", env: {}, stdio: ["ignore", "pipe", "pipe"] });
  let words = "";
  let said: string | undefined;
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (text: Buffer) => (words = (words + text.toString("latin1")).slice(-2000)));
  const ended = new Promise<void>((resolve) => {
    const end = (last: string): void => {
      said ??= last === "" ? "it ended without a word" : last;
      resolve();
    };
    child.once("error", (error) => end(error.message));
    child.once("close", () => end(words.trim()));
  });
  return { child, ended, said: () => said };
}

async function whenMounted({ said }: Server, directory: string, scratch: string, signal: AbortSignal): Promise<void> {
  for (let waited = 0; ; waited += POLL) {
    signal.throwIfAborted();
    const end = said();
    if (end !== undefined || waited >= PATIENCE) throw failed(end ?? "it did not mount in time");
    if (isMounted(directory, scratch)) return;
    await pause(POLL);
  }
}

/** What was written is in the upper directory when the program has ended. */
async function endOf({ child, ended, said }: Server, signal: AbortSignal): Promise<void> {
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill);
  await ended;
  signal.removeEventListener("abort", kill);
  signal.throwIfAborted();
  if (child.exitCode !== 0) throw failed(`it crashed: ${said()}`);
}

function isMounted(directory: string, scratch: string): boolean {
  try {
    return statSync(directory).dev !== statSync(scratch).dev;
  } catch (error) {
    // Its server has crashed, and the mount is still there.
    if (errnoOf(error) === "ENOTCONN") return true;
    throw error;
  }
}

function failed(said: string): AppError {
  return new AppError("OVERLAY_FUSE_FAILED", `cannot mount by fuse-overlayfs: ${said}`, {
    hint: "Give the container /dev/fuse: docker run --device /dev/fuse. Without it files are copied, which works as well.",
  });
}
