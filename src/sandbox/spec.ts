import { RUN_CAPABILITIES } from "./capabilities.ts";
import { MASKED_PATHS, READONLY_PATHS } from "./hidden-paths.ts";
import { runMounts } from "./mounts.ts";
import type { BoundFiles } from "./mounts.ts";
import type { NamespaceType, RuntimeSpec, SpecMount } from "./oci-spec.ts";
import { seccompProfile } from "./seccomp.ts";

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
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: run.uid, gid: run.gid, additionalGids: run.groups, umask: 0o022 },
      args: run.argv,
      env: run.env,
      cwd: run.cwd,
      capabilities: {
        bounding: RUN_CAPABILITIES,
        permitted: RUN_CAPABILITIES,
        effective: RUN_CAPABILITIES,
        inheritable: [],
        ambient: [],
      },
      // sudo, su and ping are part of builds.
      noNewPrivileges: false,
    },
    root: { path: options.rootDirectory, readonly: false },
    hostname: HOSTNAME,
    mounts: [...runMounts(options.files, options.userNamespace), ...(options.mounts ?? [])],
    linux: {
      namespaces: namespaces(run.network).map((type) => ({ type })),
      seccomp: seccompProfile(options.architecture, RUN_CAPABILITIES),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
}

/** rlimits, cgroup limits and oom_score_adj stay as they are: nothing says what they should be. */
function namespaces(network: RunProcess["network"]): readonly NamespaceType[] {
  const own: readonly NamespaceType[] = ["pid", "ipc", "uts", "mount", "cgroup"];
  return network === "none" ? [...own, "network"] : own;
}
