import { mkdirSync } from "node:fs";
import { enterSession } from "../sandbox/cgroups/run-cgroups.ts";
import type { SessionCgroup } from "../sandbox/cgroups/session-cgroups.ts";
import { MOUNT } from "../sys/syscalls.ts";
import type { Syscalls } from "../sys/syscalls.ts";
import type { WorkerStart } from "./start.ts";

type OnNote = (code: string, message: string) => void;

/** The session's cgroups that cgroups of RUNs can be made in. What cannot be limited is told, all at once. */
export function limitCgroups({ limits }: WorkerStart, note: OnNote): readonly SessionCgroup[] {
  if (limits === undefined) return [];
  const refused = [...limits.refused];
  const entered = enterSession(limits.cgroups, (reason) => refused.push(reason));
  if (refused.length > 0) note("LIMITS_NOT_KEPT", [TOLD, ...refused.map((reason) => `  ${reason}`), FIX].join("\n"));
  return entered;
}

const TOLD = "not all limits of RUN are kept, since these cgroups are not ours:";
const FIX =
  "  Run as root, or in a cgroup that was given to this user: systemd-run --user --scope -p Delegate=yes manyarch build ...";

/**
 * Binds `cgroups` below `scratch`, as /sys/fs/cgroup is about to be mounted over (sandbox/worker-mounts.ts).
 * `scratch` is a mount of ours.
 */
export function bindCgroups(
  cgroups: readonly SessionCgroup[],
  scratch: string,
  calls: Syscalls,
): readonly SessionCgroup[] {
  return cgroups.map((cgroup, index) => {
    const directory = `${scratch}/cgroup${index}`;
    mkdirSync(directory);
    calls.mount(cgroup.directory, directory, "", MOUNT.BIND);
    return { ...cgroup, directory };
  });
}
