import { RUN_CAPABILITIES } from "./capabilities.ts";
import { MASKED_PATHS, READONLY_PATHS } from "./hidden-paths.ts";
import { runMounts } from "./mounts.ts";
import type { BoundFiles } from "./mounts.ts";
import type { NamespaceType, RuntimeSpec, SpecMount, SpecRlimit } from "./oci-spec.ts";
import { seccompProfile } from "./seccomp/profile.ts";

/** Name of the machine that a RUN believes it is on; the same everywhere, since it may end up in an image. */
export const HOSTNAME = "manyarch";

/** What a RUN is, with everything resolved. */
export interface RunProcess {
  readonly argv: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  readonly network: "host" | "none";
  /** `--security=insecure`: the capabilities that it has, with nothing masked or filtered. Default: those of every RUN. */
  readonly insecure?: readonly string[] | undefined;
  readonly ulimits?: readonly Ulimit[] | undefined;
  /** Bytes of /dev/shm. Default: 64 MiB. */
  readonly shmSize?: number | undefined;
  /** Default {@link HOSTNAME}. */
  readonly hostname?: string | undefined;
}

/** A limit of setrlimit(2), by its name in lower case without `RLIMIT_`; -1 is none. */
export interface Ulimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface SpecOptions {
  /** The root file system, mounted. */
  readonly rootDirectory: string;
  readonly files: BoundFiles;
  readonly userNamespace: boolean;
  /** Of the kernel, as images name it. */
  readonly architecture: string;
  /** More mounts, after those of every RUN. */
  readonly mounts?: readonly SpecMount[] | undefined;
}

/** The OCI runtime configuration of a RUN: BuildKit's sandbox. */
export function runSpec(run: RunProcess, options: SpecOptions): RuntimeSpec {
  const capabilities = run.insecure ?? RUN_CAPABILITIES;
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: run.uid, gid: run.gid, additionalGids: run.groups, umask: 0o022 },
      args: run.argv,
      env: run.env,
      cwd: run.cwd,
      capabilities: {
        bounding: capabilities,
        permitted: capabilities,
        effective: capabilities,
        inheritable: [],
        ambient: [],
      },
      ...(run.ulimits !== undefined && { rlimits: run.ulimits.map(rlimit) }),
      // sudo, su and ping are part of builds.
      noNewPrivileges: false,
    },
    root: { path: options.rootDirectory, readonly: false },
    hostname: run.hostname ?? HOSTNAME,
    mounts: [...runMounts(options.files, options.userNamespace, run.shmSize), ...(options.mounts ?? [])],
    linux: {
      namespaces: namespaces(run.network).map((type) => ({ type })),
      ...(run.insecure === undefined
        ? {
            seccomp: seccompProfile(options.architecture, RUN_CAPABILITIES),
            maskedPaths: MASKED_PATHS,
            readonlyPaths: READONLY_PATHS,
          }
        : { maskedPaths: [], readonlyPaths: [] }),
    },
  };
}

function rlimit({ type, soft, hard }: Ulimit): SpecRlimit {
  return { type: `RLIMIT_${type.toUpperCase()}`, soft: limitValue(soft), hard: limitValue(hard) };
}

/** JSON has no number for RLIM_INFINITY; the largest one that it tells exactly is as good. */
function limitValue(value: number): number {
  return value === -1 ? Number.MAX_SAFE_INTEGER : value;
}

/** Without --ulimit, rlimits stay as they are, as cgroup limits and oom_score_adj do. */
function namespaces(network: RunProcess["network"]): readonly NamespaceType[] {
  const own: readonly NamespaceType[] = ["pid", "ipc", "uts", "mount", "cgroup"];
  return network === "none" ? [...own, "network"] : own;
}
