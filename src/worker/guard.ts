import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { processorCount } from "../sys/host.ts";
import { guardArgv, plainGuardArgv } from "./guard-script.ts";
import { mapIds } from "./id-maps.ts";
import type { IdMaps } from "./id-maps.ts";
import type { WorkerStart } from "./start.ts";
import { startFailure } from "./unavailable.ts";

const STDERR_BYTES = 8192;

/** The guard, from outside. */
export interface Guard {
  readonly child: ChildProcess;
  readonly channel: Socket;
  readonly userNamespace: boolean;
  /** The end of what it and the worker said on standard error. */
  stderr(): string;
  readonly exited: Promise<void>;
  /** Lets it kill the worker and clean up, and waits for that. */
  end(): Promise<void>;
}

export interface GuardOptions {
  /** Its session is removed in the end. */
  readonly start: WorkerStart;
  /** As PATH, see {@link searchPath}. */
  readonly path: string;
  /** Where Node keeps what it has compiled; without, the worker takes 200 ms longer to start. */
  readonly compileCache: string | undefined;
}

/** Starts the guard of a worker, which waits to be let on by {@link enterNamespace}. */
export function startGuard({ start, path, compileCache }: GuardOptions): Guard {
  mkdirSync(`${start.session}/scratch`, { mode: 0o700, recursive: true });
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", workerProgram(), JSON.stringify(start)];
  const [command = "", ...args] = guardCommand(start, node);
  const child = spawn(command, args, {
    detached: true,
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    cwd: "/",
    // Compression runs on libuv's pool, which has four threads on any machine unless told.
    env: {
      PATH: path,
      LANG: "C",
      NODE_COMPILE_CACHE: compileCache,
      UV_THREADPOOL_SIZE: `${Math.max(4, processorCount())}`,
    },
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-STDERR_BYTES)));
  child.once("error", (error) => (said += error.message));
  // One that was killed breaks the pipe; that it has ended is told by its exit.
  child.stdin?.on("error", () => {});
  child.unref();
  for (const stream of [child.stdin, child.stderr]) unref(stream);
  const end = async (): Promise<void> => {
    child.ref();
    child.stdin?.destroy();
    await exited;
  };
  return {
    child,
    channel: child.stdio[3] as Socket,
    userNamespace: start.place.kind === "namespaces" && start.place.userNamespace,
    stderr: () => said,
    exited,
    end,
  };
}

function guardCommand({ place, session, marks, limits }: WorkerStart, worker: readonly string[]): readonly string[] {
  const cgroups = limits?.cgroups.map(({ directory }) => directory) ?? [];
  switch (place.kind) {
    case "namespaces":
      return guardArgv(place.userNamespace, { session, cgroups }, worker);
    case "plain":
      return plainGuardArgv(marks, { session, cgroups }, worker);
  }
}

/** As source beside this file; in the bundle (rolldown.config.js) this is a part of `lib/`. */
function workerProgram(): string {
  const path = import.meta.url.endsWith(".ts") ? "./main.ts" : "../worker/main.js";
  return fileURLToPath(new URL(path, import.meta.url));
}

/** Waits until the guard is in its user namespace, maps the ids there and lets it go on. */
export async function enterNamespace(
  guard: Guard,
  maps: IdMaps | undefined,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { child, channel, exited } = guard;
  const failed = exited.then(async () => {
    // What it said may still be in the pipe.
    if (child.stderr?.readableEnded === false) await endOf(child.stderr);
    throw startFailure(guard.stderr(), guard.userNamespace);
  });
  failed.catch(() => {});
  const there = once(channel, "readable", { signal }).then(() => channel.read(1) as Buffer | null);
  // A channel that ends is readable too, with nothing in it.
  child.ref();
  try {
    if ((await Promise.race([there, failed])) === null) await failed;
  } finally {
    child.unref();
  }
  if (maps !== undefined && child.pid !== undefined) await mapIds(child.pid, maps, path, signal);
  child.stdin?.write("\n");
}

/** Or a second: a grandchild may hold it open. The timer keeps us going, which the stream does not. */
async function endOf(stream: Readable): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  await Promise.race([once(stream, "end", { signal }), sleep(1000, undefined, { signal })]).finally(() => over.abort());
}

/** A child's streams are sockets, which their types do not say. */
function unref(stream: unknown): void {
  if (stream !== null && typeof stream === "object" && "unref" in stream && typeof stream.unref === "function")
    stream.unref();
}
