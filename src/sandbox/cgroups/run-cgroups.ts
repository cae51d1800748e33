import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoOf } from "../../base/errors.ts";
import { limitFiles } from "./limits.ts";
import type { Controller, RunLimits } from "./limits.ts";
import { WORKER, attempt, handDown, removeCgroup } from "./session-cgroups.ts";
import type { SessionCgroup } from "./session-cgroups.ts";

/** The cgroups of one RUN, one in each hierarchy. */
export interface RunCgroup {
  /** What its first process writes `0` to, before anything else. */
  readonly entries: readonly string[];
  /** What its limits did to it so far. */
  events(): LimitEvents;
  /** To be called when its processes have ended. */
  remove(): Promise<void>;
}

export interface LimitEvents {
  /** Processes that the kernel killed as the RUN was at its limit of memory. */
  readonly oomKills: number;
  /** Processes that were not started as there were too many. */
  readonly refusedForks: number;
}

/**
 * Moves this process into the session's cgroups, out of the way, so that cgroups of RUNs can be made in them.
 * Answers those where that works; `refuse` is told why the others do not.
 */
export function enterSession(
  cgroups: readonly SessionCgroup[],
  refuse: (reason: string) => void,
): readonly SessionCgroup[] {
  return cgroups.filter(({ version, controllers, directory }) => {
    const reason =
      attempt(`${directory}/${WORKER}`, () => mkdirSync(`${directory}/${WORKER}`)) ??
      attempt(`${directory}/${WORKER}`, () => writeFileSync(`${directory}/${WORKER}/cgroup.procs`, "0")) ??
      (version === 1 ? undefined : handDown(directory, controllers));
    if (reason !== undefined) refuse(`${controllers.join(", ")}: ${reason}`);
    return reason === undefined;
  });
}

/** `argv`, by a shell of the machine's that enters cgroups first. */
export function enteringArgv(entries: readonly string[], argv: readonly string[]): readonly string[] {
  if (entries.length === 0) return argv;
  return ["/bin/sh", "-c", ENTER, "enter", String(entries.length), ...entries, ...argv];
}

const ENTER = `count=$1
shift
while [ "$count" -gt 0 ]; do
  echo 0 >"$1" || exit 1
  shift
  count=$((count - 1))
done
exec "$@"`;

/** Makes the cgroups of a RUN, with its limits. */
export function makeRunCgroup(cgroups: readonly SessionCgroup[], limits: RunLimits, name: string): RunCgroup {
  const made = cgroups.map((cgroup) => ({ ...cgroup, directory: `${cgroup.directory}/${name}` }));
  for (const { directory, version, controllers } of made) {
    mkdirSync(directory);
    for (const controller of controllers) setLimits(directory, limits, controller, version);
  }
  const of = (controller: Controller): SessionCgroup | undefined =>
    made.find(({ controllers }) => controllers.includes(controller));
  return {
    entries: made.map(({ directory }) => `${directory}/cgroup.procs`),
    events: () => ({ oomKills: oomKillsOf(of("memory")), refusedForks: countIn(of("pids"), "pids.events", "max") }),
    remove: async () => {
      for (const { directory } of made) {
        // What is left after that goes with the session.
        for (let round = 0; round < 50 && !removeCgroup(directory); round++) await sleep(2 + round);
      }
    },
  };
}

function setLimits(directory: string, limits: RunLimits, controller: Controller, version: 1 | 2): void {
  for (const { name, value, optional } of limitFiles(limits, controller, version)) {
    try {
      writeFileSync(`${directory}/${name}`, value, { flag: "r+" });
    } catch (error) {
      if (optional !== true || !["ENOENT", "EACCES", "EOPNOTSUPP"].includes(errnoOf(error) ?? "")) throw error;
    }
  }
}

function oomKillsOf(cgroup: SessionCgroup | undefined): number {
  return countIn(cgroup, cgroup?.version === 1 ? "memory.oom_control" : "memory.events", "oom_kill");
}

/** Of a file of lines `NAME NUMBER`. */
function countIn(cgroup: SessionCgroup | undefined, file: string, name: string): number {
  if (cgroup === undefined) return 0;
  try {
    const text = readFileSync(`${cgroup.directory}/${file}`, "latin1");
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}
