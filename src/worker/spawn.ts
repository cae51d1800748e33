import { basename } from "node:path";
import { AppError } from "../base/errors.ts";
import { controllersOf } from "../sandbox/cgroups/limits.ts";
import type { RunLimits } from "../sandbox/cgroups/limits.ts";
import { makeSessionCgroups, removeCgroup } from "../sandbox/cgroups/session-cgroups.ts";
import { newMarks } from "../sandbox/launch/marks.ts";
import { allowedRungs } from "../sandbox/rung.ts";
import type { PassedOver, RungChoice } from "../sandbox/rung.ts";
import { storePaths } from "../store/paths.ts";
import { openSession } from "../store/session.ts";
import type { Session } from "../store/session.ts";
import type { SnapshotForm } from "../store/store.ts";
import { loadProcessCalls } from "../sys/load-syscalls.ts";
import { markInheritedCloseOnExec } from "../sys/inherited-descriptors.ts";
import { WorkerClient } from "./client.ts";
import type { RequestOptions } from "./client.ts";
import { searchPath } from "../sys/search-path.ts";
import { enterNamespace, startGuard } from "./guard.ts";
import type { Guard } from "./guard.ts";
import { noPlace, places, rungsOf, workerPlace } from "./places.ts";
import type { Place } from "./places.ts";
import type { WorkerRequest, WorkerResults } from "./protocol.ts";
import type { WorkerLimits, WorkerStart } from "./start.ts";
import { startFailure } from "./unavailable.ts";

export interface WorkerOptions {
  /** The store's root. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted while the worker starts, the start is given up. Requests have signals of their own. */
  readonly signal: AbortSignal;
  /**
   * Also as root, stand in a user namespace, where a binfmt_misc instance is ours alone. Default: only where
   * another user asks.
   */
  readonly ownNamespace?: boolean | undefined;
  /** Whether a RUN needs a tracer, where there are no namespaces. Default: no. */
  readonly traced?: boolean | undefined;
  /** Which rungs RUNs may execute on. Default: any. */
  readonly sandbox?: RungChoice | undefined;
  /** Of each RUN; kept where cgroups are ours, and noted as `LIMITS_NOT_KEPT` where not. Default: none. */
  readonly limits?: RunLimits | undefined;
  /** Takes what the user should know and what fails nothing. */
  readonly onNote?: ((code: string, message: string) => void) | undefined;
  /** Pending while no more output can be taken: the RUN that prints it is held up meanwhile. */
  readonly outputRoom?: (() => Promise<void> | undefined) | undefined;
}

/** A process of ours that is root in namespaces of its own. */
export interface Worker {
  /** The rung that RUNs execute on. */
  readonly rung: string;
  /** The program that makes their containers; null where there is none, and only RUN will fail. */
  readonly runtime: string | null;
  /** Of the snapshots that it finds and leaves in the store. */
  readonly form: SnapshotForm;
  /**
   * Asks for one thing and waits until it is done. Aborted, it throws the signal's reason once nothing of
   * the request is left. Throws what the operation throws, and `WORKER_DIED`.
   */
  request<R extends WorkerRequest>(request: R, options: RequestOptions): Promise<WorkerResults[R["op"]]>;
  /** Ends it and waits until no process, mount or file of it is left. May be called again. */
  close(): Promise<void>;
}

/**
 * Starts a worker in the best place that can be had here (places.ts), each tried and not guessed. It dies
 * with this process, however that ends (guard-script.ts). Throws `SANDBOX_UNAVAILABLE`, with the reasons,
 * where none of the rungs that may be used can be had.
 */
export async function spawnWorker(options: WorkerOptions): Promise<Worker> {
  options.signal.throwIfAborted();
  markInheritedCloseOnExec();
  const session = openSession(storePaths(options.root), (code, message) => options.onNote?.(code, message));
  try {
    return await startAnywhere(session, options);
  } catch (error) {
    await session.close();
    options.signal.throwIfAborted();
    throw error;
  }
}

async function startAnywhere(session: Session, options: WorkerOptions): Promise<Worker> {
  const rungs = allowedRungs(options.sandbox ?? {});
  const passedOver: PassedOver[] = [];
  for (const place of places(options)) {
    const here = rungs.filter((rung) => rungsOf(place).includes(rung));
    if (here.length === 0) continue;
    try {
      return await startIn(session, place, { rungs: here, passedOver: [...passedOver] }, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof AppError) || error.code !== "SANDBOX_UNAVAILABLE") throw error;
      // The next place with the same rungs is asked for less, so its refusal says more.
      for (const rung of here) {
        const at = passedOver.findIndex((one) => one.rung === rung);
        passedOver.splice(at < 0 ? passedOver.length : at, 1, { rung, reason: error.message, fix: error.hint });
      }
    }
  }
  throw noPlace(rungs, passedOver);
}

async function startIn(
  session: Session,
  place: Place,
  ladder: Pick<WorkerStart, "rungs" | "passedOver">,
  options: WorkerOptions,
): Promise<Worker> {
  const path = searchPath(options.env["PATH"]);
  const compileCache = options.env["NODE_COMPILE_CACHE"];
  const marks = newMarks().prefix;
  const maps = place.kind === "namespaces" ? place.maps() : undefined;
  const start = {
    root: options.root,
    session: session.directory,
    place: workerPlace(place, maps),
    marks,
    ...ladder,
    traced: options.traced ?? false,
    limits: workerLimits(options.limits, basename(session.directory)),
  };
  const removeCgroups = (): void => start.limits?.cgroups.forEach(({ directory }) => removeCgroup(directory));
  // There a RUN may be of our user, and would find our credentials in /proc or by ptrace.
  if (place.kind === "plain") loadProcessCalls().setUndumpable();
  const guard = startGuard({ start, path, compileCache });
  try {
    await enterNamespace(guard, maps, path, options.signal);
    const { client, ready } = await connect(guard, options);
    const close = async (): Promise<void> => {
      client.close();
      await guard.end();
      removeCgroups();
      await session.close();
    };
    return { ...ready, request: (request, requestOptions) => client.request(request, requestOptions), close };
  } catch (error) {
    await guard.end();
    removeCgroups();
    throw error;
  }
}

function workerLimits(limits: RunLimits | undefined, name: string): WorkerLimits | undefined {
  if (limits === undefined || controllersOf(limits).length === 0) return undefined;
  return { limits, ...makeSessionCgroups(limits, name) };
}

type Ready = Pick<Worker, "rung" | "runtime" | "form">;

/** Waits for the worker's first message. */
async function connect(
  guard: Guard,
  { signal, onNote, outputRoom }: WorkerOptions,
): Promise<{ readonly client: WorkerClient; readonly ready: Ready }> {
  let client: WorkerClient | undefined;
  let running = false;
  const ready = await new Promise<Ready>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    client = new WorkerClient(guard.channel, {
      onReady: resolve,
      onNote: (code, message) => onNote?.(code, message),
      outputRoom: () => outputRoom?.(),
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
