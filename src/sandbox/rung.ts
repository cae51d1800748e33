/** One way to make a sandbox, as data: what it needs and what a RUN gets. */
export interface Rung {
  readonly name: RungName;
  readonly needs: string;
  readonly gives: string;
}

export type RungName = "runtime" | "namespace" | "chroot" | "proot" | "none";

/** The ladder, highest first. */
export const RUNGS: readonly Rung[] = [
  {
    name: "runtime",
    needs: "crun or runc, root or a user namespace with a /proc of its own",
    gives: "own pid, mount, ipc, uts and cgroup namespaces, 14 capabilities, seccomp, masked /proc and /sys",
  },
  {
    name: "namespace",
    needs: "unshare and mount, as root or in a user namespace",
    gives: "the same without an OCI runtime",
  },
  {
    name: "chroot",
    needs: "root with CAP_SYS_CHROOT and CAP_MKNOD, as in a container by default",
    gives:
      "a root of its own with fewer capabilities than the builder's; no /proc, the container's processes and network",
  },
  {
    name: "proot",
    needs: "x86-64 or arm64, and leave to trace one's own children",
    gives: "a root of its own by tracing, owners as the image has them; no isolation by the kernel, slower",
  },
  { name: "none", needs: "nothing", gives: "images whose Dockerfiles have no RUN" },
];

/** Why a rung cannot be had here, with the error's name, and the one line that would change it. */
export interface PassedOver {
  readonly rung: RungName;
  readonly reason: string;
  readonly fix: string | undefined;
}

export function rungNamed(name: RungName): Rung {
  const rung = RUNGS.find((one) => one.name === name);
  if (rung === undefined) throw new Error(`no rung ${name}`);
  return rung;
}

/** The rungs that may be used, highest first: one that is forced, or all down to a lowest. */
export function allowedRungs({ forced, lowest }: RungChoice): readonly RungName[] {
  const names = RUNGS.map(({ name }) => name);
  if (forced !== undefined) return [forced];
  return lowest === undefined ? names : names.slice(0, names.indexOf(lowest) + 1);
}

export interface RungChoice {
  /** `--sandbox=NAME`. */
  readonly forced?: RungName | undefined;
  /** `--min-sandbox=NAME`. */
  readonly lowest?: RungName | undefined;
}
