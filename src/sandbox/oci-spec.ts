/** The part of the OCI runtime specification (1.0.2) that a RUN uses. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  readonly mounts: readonly SpecMount[];
  readonly linux: SpecLinux;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly user: {
    readonly uid: number;
    readonly gid: number;
    readonly additionalGids: readonly number[];
    /** Octal file mode creation mask. */
    readonly umask: number;
  };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: Readonly<
    Record<"bounding" | "permitted" | "effective" | "inheritable" | "ambient", readonly string[]>
  >;
  readonly rlimits?: readonly SpecRlimit[] | undefined;
  readonly noNewPrivileges: boolean;
}

export interface SpecRlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface SpecLinux {
  readonly namespaces: readonly { readonly type: NamespaceType }[];
  readonly seccomp?: LinuxSeccomp | undefined;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
}

export type NamespaceType = "pid" | "ipc" | "uts" | "mount" | "cgroup" | "network";

export interface LinuxSeccomp {
  readonly defaultAction: "SCMP_ACT_ERRNO";
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: "SCMP_ACT_ALLOW" | "SCMP_ACT_ERRNO";
  readonly errnoRet?: number | undefined;
  readonly args?: readonly SeccompArgument[] | undefined;
}

export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number | undefined;
  readonly op: "SCMP_CMP_EQ" | "SCMP_CMP_MASKED_EQ";
}
