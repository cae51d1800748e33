/** One way to make a sandbox, as data: what it needs and what a RUN gets. */
export interface Rung {
  readonly name: "runtime";
  readonly needs: string;
  readonly gives: string;
}

/** An OCI runtime in namespaces of our own: the isolation that BuildKit gives. */
export const RUNTIME_RUNG: Rung = {
  name: "runtime",
  needs: "crun or runc, root or a user namespace with subordinate ids, overlay mounts",
  gives: "own pid, mount, ipc, uts and cgroup namespaces, 14 capabilities, seccomp, masked /proc and /sys",
};
