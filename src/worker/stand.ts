import { closeSync, lchownSync, openSync, rmSync, writeFileSync } from "node:fs";
import { errnoOf, messageOf } from "../base/errors.ts";
import { chrootSandbox } from "../sandbox/chroot-sandbox.ts";
import { ladderSandbox } from "../sandbox/ladder.ts";
import { Launchers } from "../sandbox/launch/launcher.ts";
import { marksWith } from "../sandbox/launch/marks.ts";
import { LaunchedRuns } from "../sandbox/launched-run.ts";
import { limitedSandbox } from "../sandbox/limited-sandbox.ts";
import { namespaceSandbox } from "../sandbox/namespace-sandbox.ts";
import { prootSandbox } from "../sandbox/proot-sandbox.ts";
import type { PassedOver } from "../sandbox/rung.ts";
import { runtimeSandbox } from "../sandbox/runtime-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { mountOwnCgroups, mountOwnProc, mountScratch } from "../sandbox/worker-mounts.ts";
import type { RootMaker } from "../snapshot/writable-root.ts";
import type { TempSpace } from "../store/store.ts";
import { LIMIT } from "../sys/process-calls.ts";
import type { ProcessCalls } from "../sys/process-calls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import { chooseRoots } from "./choose-roots.ts";
import { bindCgroups, limitCgroups } from "./limit-cgroups.ts";
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
export async function standIn(start: WorkerStart, means: Means): Promise<Stand> {
  switch (start.place.kind) {
    case "namespaces":
      return standInNamespaces(start, start.place, means);
    case "plain":
      return standPlain(start, means);
  }
}

async function standInNamespaces(
  start: WorkerStart,
  { userNamespace }: Extract<WorkerPlace, { readonly kind: "namespaces" }>,
  { scratch, calls, process: processCalls, note }: Means,
): Promise<Stand> {
  const { session, rungs, passedOver, marks } = start;
  const procError = mountOwnProc(calls);
  mountScratch(calls, scratch);
  const cgroups = bindCgroups(limitCgroups(start, note), scratch, calls);
  mountOwnCgroups(calls);
  const syscalls = calls;
  const path = process.env["PATH"] ?? "";
  const refused: PassedOver[] = [...passedOver];
  const ladder: Sandbox[] = [];
  if (rungs.includes("runtime")) {
    if (procError === undefined) ladder.push(runtimeSandbox({ scratch, userNamespace, path, syscalls }));
    else refused.push(noProc(procError));
  }
  if (rungs.includes("namespace")) {
    const prefix = ["unshare", "--pid", "--fork", "--kill-child", "--ipc", "--uts", "--cgroup", "--"];
    const launchers = new Launchers({ scratch, syscalls, prefix, path });
    const runs = new LaunchedRuns({ scratch, calls: processCalls, marks: marksWith(marks), launchers });
    ladder.push(namespaceSandbox(runs, { userNamespace, freshProc: procError === undefined }));
  }
  const unlimited = ladderSandbox({ rungs: ladder, passedOver: refused, onNote: note });
  const sandbox = limitedSandbox(unlimited, start.limits?.limits ?? {}, cgroups);
  return { syscalls, sandbox, roots: await chooseRoots({ session, scratch, syscalls, mounts: true, note }) };
}

function noProc(errno: string): PassedOver {
  return {
    rung: "runtime",
    reason: `no fresh /proc may be mounted: ${errno}`,
    fix: "docker run --security-opt systempaths=unconfined, or procMount: Unmasked on Kubernetes.",
  };
}

async function standPlain(
  start: WorkerStart,
  { scratch, temp, calls, process: processCalls, note }: Means,
): Promise<Stand> {
  const { session, rungs, passedOver, marks, traced } = start;
  const cgroups = limitCgroups(start, note);
  const own = processCalls();
  own.becomeSubreaper();
  own.dieWithParent();
  own.setUndumpable();
  own.setLimit(LIMIT.LOCKS, BigInt(marksWith(marks).own));
  // What a tracer plays cannot be told from what is real: either all owners are real, or none.
  const obstacle = traced ? FOREIGN : rungs.includes("chroot") ? notRoot(temp.tempPath("probe"), calls) : FORCED;
  const isRoot = obstacle === undefined;
  const syscalls: Syscalls = isRoot ? calls : { ...calls, keepsMetadata: true };
  const path = process.env["PATH"] ?? "";
  const launchers = new Launchers({ scratch, syscalls, prefix: [], path });
  const runs = new LaunchedRuns({ scratch, calls: processCalls, marks: marksWith(marks), launchers });
  const ladder: Sandbox[] = [];
  const refused: PassedOver[] = [...passedOver];
  if (rungs.includes("chroot")) {
    if (isRoot) ladder.push(chrootSandbox(runs, syscalls));
    else refused.push({ rung: "chroot", reason: obstacle, fix: undefined });
  }
  if (rungs.includes("proot") && !isRoot) ladder.push(prootSandbox({ scratch, syscalls }));
  const unlimited = ladderSandbox({ rungs: ladder, passedOver: refused, onNote: note });
  const sandbox = limitedSandbox(unlimited, start.limits?.limits ?? {}, cgroups);
  return { syscalls, sandbox, roots: await chooseRoots({ session, scratch, syscalls, mounts: false, note }) };
}

const FOREIGN = "programs of a foreign platform run under a tracer here";
const FORCED = "it was not asked for";
const S_IFCHR = 0o020000;

/** What of root's the rung chroot needs and we may not: giving files away, and making devices. */
function notRoot(path: string, syscalls: Syscalls): string | undefined {
  if (process.getuid?.() !== 0) return "EPERM: only root may change its root";
  writeFileSync(path, "", { flag: "wx" });
  try {
    lchownSync(path, 1, 1);
    syscalls.mknod(`${path}-null`, S_IFCHR | 0o600, 1, 3);
    closeSync(openSync(`${path}-null`, "r"));
    return undefined;
  } catch (error) {
    if (!["EPERM", "EINVAL", "EACCES"].includes(errnoOf(error) ?? "")) throw error;
    return messageOf(error);
  } finally {
    for (const one of [path, `${path}-null`]) rmSync(one, { force: true });
  }
}
