import { lchownSync, rmSync, writeFileSync } from "node:fs";
import { errnoOf } from "../base/errors.ts";
import { chrootSandbox } from "../sandbox/chroot-sandbox.ts";
import { ladderSandbox } from "../sandbox/ladder.ts";
import { Launchers } from "../sandbox/launch/launcher.ts";
import { marksWith } from "../sandbox/launch/marks.ts";
import { LaunchedRuns } from "../sandbox/launched-run.ts";
import { namespaceSandbox } from "../sandbox/namespace-sandbox.ts";
import { prootSandbox } from "../sandbox/proot-sandbox.ts";
import type { PassedOver } from "../sandbox/rung.ts";
import { runtimeSandbox } from "../sandbox/runtime-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { mountForSandboxes, mountOwnProc } from "../sandbox/worker-mounts.ts";
import type { RootMaker } from "../snapshot/writable-root.ts";
import type { TempSpace } from "../store/store.ts";
import { LIMIT } from "../sys/process-calls.ts";
import type { ProcessCalls } from "../sys/process-calls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { chooseRoots } from "./choose-roots.ts";
import type { WorkerPlace, WorkerStart } from "./start.ts";

/** What a place has for the operations of a worker. */
export interface Stand {
  readonly syscalls: Syscalls;
  readonly sandbox: Sandbox;
  readonly roots: RootMaker;
}

interface Means {
  /** A directory of ours; in namespaces it is in memory. */
  readonly scratch: string;
  readonly temp: TempSpace;
  readonly calls: Syscalls;
  readonly process: () => ProcessCalls;
  readonly note: (code: string, message: string) => void;
}

/** Makes of the place that we were started in what the rungs need, and the ladder of them. */
export function standIn(start: WorkerStart, means: Means): Stand {
  switch (start.place.kind) {
    case "namespaces":
      return standInNamespaces(start, start.place, means);
    case "plain":
      return standPlain(start, means);
  }
}

function standInNamespaces(
  { session, rungs, passedOver, marks }: WorkerStart,
  { userNamespace, ids }: Extract<WorkerPlace, { readonly kind: "namespaces" }>,
  { scratch, calls, process: processCalls, note }: Means,
): Stand {
  const procError = mountOwnProc(calls);
  mountForSandboxes(calls, scratch);
  const syscalls: Syscalls = ids === "own" ? { ...calls, keepsMetadata: true } : calls;
  const path = process.env["PATH"] ?? "";
  const refused: PassedOver[] = [...passedOver];
  const ladder: Sandbox[] = [];
  if (rungs.includes("runtime")) {
    const missing = procError === undefined ? (ids === "own" ? ONE_ID : undefined) : noProc(procError);
    if (missing === undefined) ladder.push(runtimeSandbox({ scratch, userNamespace, path, syscalls }));
    else refused.push(missing);
  }
  if (rungs.includes("namespace")) {
    const prefix = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts", "--cgroup", "--"];
    const launchers = new Launchers({ scratch, syscalls, prefix, path });
    const runs = new LaunchedRuns({ scratch, calls: processCalls, marks: marksWith(marks), launchers });
    ladder.push(namespaceSandbox(runs, { userNamespace, singleId: ids === "own", freshProc: procError === undefined }));
  }
  const sandbox = ladderSandbox({ rungs: ladder, passedOver: refused, onNote: note });
  return { syscalls, sandbox, roots: chooseRoots({ session, scratch, syscalls, mounts: true, note }) };
}

const ONE_ID: PassedOver = {
  rung: "runtime",
  reason: "one id is mapped into the user namespace, and runtimes set others",
  fix: "Give the user subordinate ids (/etc/subuid, /etc/subgid) and newuidmap the right to map them.",
};

function noProc(errno: string): PassedOver {
  return {
    rung: "runtime",
    reason: `no fresh /proc may be mounted: ${errno}`,
    fix: "docker run --security-opt systempaths=unconfined, or procMount: Unmasked on Kubernetes.",
  };
}

function standPlain(
  { session, rungs, passedOver, marks }: WorkerStart,
  { scratch, temp, calls, process: processCalls, note }: Means,
): Stand {
  const own = processCalls();
  own.becomeSubreaper();
  own.dieWithParent();
  own.setLimit(LIMIT.LOCKS, BigInt(marksWith(marks).own));
  const isRoot = process.getuid?.() === 0 && mayGiveAway(temp.tempPath("owner"));
  const syscalls: Syscalls = isRoot ? calls : { ...calls, keepsMetadata: true };
  const path = process.env["PATH"] ?? "";
  const launchers = new Launchers({ scratch, syscalls, prefix: [], path });
  const runs = new LaunchedRuns({ scratch, calls: processCalls, marks: marksWith(marks), launchers });
  const ladder: Sandbox[] = [];
  const refused: PassedOver[] = [...passedOver];
  if (rungs.includes("chroot")) {
    if (isRoot) ladder.push(chrootSandbox(runs, syscalls));
    else refused.push({ rung: "chroot", reason: "only root may change its root: EPERM", fix: undefined });
  }
  if (rungs.includes("proot")) ladder.push(prootSandbox(runs, { path, owners: isRoot ? "real" : "kept" }));
  const sandbox = ladderSandbox({ rungs: ladder, passedOver: refused, onNote: note });
  return { syscalls, sandbox, roots: chooseRoots({ session, scratch, syscalls, mounts: false, note }) };
}

/** Whether we may give files to others, as root without its capabilities may not. */
function mayGiveAway(path: string): boolean {
  writeFileSync(path, "", { flag: "wx" });
  try {
    lchownSync(path, 1, 1);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EPERM" && errnoOf(error) !== "EINVAL") throw error;
    return false;
  } finally {
    rmSync(path);
  }
}
