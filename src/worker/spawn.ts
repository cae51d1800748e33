import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { once } from "node:events";
import { delimiter, isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "../base/errors.ts";
import { storePaths } from "../store/paths.ts";
import { openSession } from "../store/session.ts";
import type { Session } from "../store/session.ts";
import { markInheritedCloseOnExec } from "../sys/inherited-descriptors.ts";
import { WorkerClient } from "./client.ts";
import type { RequestOptions } from "./client.ts";
import { guardArgv } from "./guard-script.ts";
import { mapIds, ownIdMaps } from "./id-maps.ts";
import type { IdMaps } from "./id-maps.ts";
import type { WorkerRequest, WorkerResults } from "./protocol.ts";
import { startFailure } from "./unavailable.ts";

export interface WorkerOptions {
  /** The store's root. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted while the worker starts, the start is given up. Requests have signals of their own. */
  readonly signal: AbortSignal;
  /** Takes what the user should know and what fails nothing. */
  readonly onNote?: ((code: string, message: string) => void) | undefined;
}

/** A process of ours that is root in namespaces of its own. */
export interface Worker {
  /** The rung that RUNs execute on. */
  readonly rung: string;
  /** The program that makes their containers; null where there is none, and only RUN will fail. */
  readonly runtime: string | null;
  /**
   * Asks for one thing and waits until it is done. Aborted, it throws the signal's reason once nothing of
   * the request is left. Throws what the operation throws, and `WORKER_DIED`.
   */
  request<R extends WorkerRequest>(request: R, options: RequestOptions): Promise<WorkerResults[R["op"]]>;
  /** Ends it and waits until no process, mount or file of it is left. May be called again. */
  close(): Promise<void>;
}

const SYSTEM_PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const STDERR_BYTES = 8192;

/**
 * Starts a worker: as root in mount, pid, ipc and cgroup namespaces, as another user in a user namespace
 * with his subordinate ids besides. It dies with this process, however that ends (guard-script.ts).
 * Throws `SANDBOX_UNAVAILABLE`, with the command that root must type, where the machine does not allow it.
 */
export async function spawnWorker(options: WorkerOptions): Promise<Worker> {
  options.signal.throwIfAborted();
  const maps = process.getuid?.() === 0 ? undefined : ownIdMaps();
  const session = openSession(storePaths(options.root), (code, message) => options.onNote?.(code, message));
  try {
    return await startIn(session, maps, options);
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function startIn(session: Session, maps: IdMaps | undefined, options: WorkerOptions): Promise<Worker> {
  const path = searchPath(options.env["PATH"]);
  const guard = startGuard(session.directory, maps, path, options);
  try {
    await enterNamespace(guard, maps, path, options.signal);
    const { client, ready } = await connect(guard, options);
    const close = async (): Promise<void> => {
      client.close();
      await guard.end();
      await session.close();
    };
    return { ...ready, request: (request, requestOptions) => client.request(request, requestOptions), close };
  } catch (error) {
    await guard.end();
    throw error;
  }
}

/** The guard, from outside. */
interface Guard {
  readonly child: ChildProcess;
  readonly channel: Socket;
  readonly userNamespace: boolean;
  /** The end of what it and the worker said on standard error. */
  stderr(): string;
  readonly exited: Promise<void>;
  /** Lets it kill the worker and clean up, and waits for that. */
  end(): Promise<void>;
}

function startGuard(session: string, maps: IdMaps | undefined, path: string, { root, env }: WorkerOptions): Guard {
  mkdirSync(`${session}/scratch`, { mode: 0o700 });
  markInheritedCloseOnExec();
  const main = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "./main.ts" : "./main.js", import.meta.url));
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", main];
  const [command = "", ...args] = guardArgv(maps !== undefined, session, [
    ...node,
    root,
    session,
    maps === undefined ? "root" : "user",
  ]);
  const child = spawn(command, args, {
    detached: true,
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    cwd: "/",
    env: { PATH: path, LANG: "C", NODE_COMPILE_CACHE: env["NODE_COMPILE_CACHE"] },
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
    userNamespace: maps !== undefined,
    stderr: () => said,
    exited,
    end,
  };
}

/** Waits until the guard is in its user namespace, maps the ids there and lets it go on. */
async function enterNamespace(
  guard: Guard,
  maps: IdMaps | undefined,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { child, channel, exited } = guard;
  const failed = exited.then(async () => {
    // What it said may still be in the pipe.
    if (child.stderr?.readableEnded === false)
      await once(child.stderr, "end", { signal: AbortSignal.timeout(1000) }).catch(() => {});
    throw startFailure(guard.stderr(), guard.userNamespace);
  });
  failed.catch(() => {});
  await Promise.race([once(channel, "readable", { signal }).then(() => channel.read(1)), failed]);
  if (maps !== undefined && child.pid !== undefined) await mapIds(child.pid, maps, path, signal);
  child.stdin?.write("\n");
}

type Ready = Pick<Worker, "rung" | "runtime">;

/** Waits for the worker's first message. */
async function connect(
  guard: Guard,
  { signal, onNote }: WorkerOptions,
): Promise<{ readonly client: WorkerClient; readonly ready: Ready }> {
  let client: WorkerClient | undefined;
  let running = false;
  const ready = await new Promise<Ready>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    client = new WorkerClient(guard.channel, {
      onReady: resolve,
      onNote: (code, message) => onNote?.(code, message),
      explainEnd: async () => {
        // The last words come by another pipe.
        await new Promise((wait) => setTimeout(wait, 50));
        const error = running ? deathOf(guard) : startFailure(guard.stderr(), guard.userNamespace);
        reject(error);
        return error;
      },
    });
  });
  running = true;
  if (client === undefined) throw new Error("the worker answered before it was asked");
  return { client, ready };
}

function deathOf(guard: Guard): AppError {
  const said = guard.stderr().trim().split("\n").slice(-6).join("\n");
  return new AppError("WORKER_DIED", `the worker ended in the middle of its work${said === "" ? "" : `: ${said}`}`, {
    hint: "If the machine ran out of memory, lower --jobs; otherwise please report this.",
    retryable: true,
  });
}

/** The user's PATH as far as it cannot mean another directory elsewhere, then the system's. */
function searchPath(path: string | undefined): string {
  const own = (path ?? "").split(delimiter).filter((directory) => isAbsolute(directory));
  return [...new Set([...own, ...SYSTEM_PATH])].join(delimiter);
}

/** A child's streams are sockets, which their types do not say. */
function unref(stream: unknown): void {
  if (stream !== null && typeof stream === "object" && "unref" in stream && typeof stream.unref === "function")
    stream.unref();
}
