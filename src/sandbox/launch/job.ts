/** How a launcher becomes the command of a RUN: what it does to itself, in this order. */
export interface LaunchJob {
  /** Number by which everything that comes of it can be found, see marks.ts; decimal. */
  readonly mark: string;
  /** What it enters cgroups by, see cgroups/run-cgroups.ts. */
  readonly cgroups?: readonly string[] | undefined;
  /** Mounts and the like, in a mount namespace that is its own. */
  readonly mounts?: NamespaceJob | undefined;
  /** Becomes its root, without a mount namespace. */
  readonly chroot?: string | undefined;
  /** Limits of setrlimit(2) by their numbers; values are decimal. */
  readonly limits?: readonly { readonly limit: number; readonly soft: string; readonly hard: string }[] | undefined;
  /** Capabilities that stay, by number; absent: it leaves them alone. */
  readonly capabilities?: readonly number[] | undefined;
  /** A system call filter: `struct sock_filter`, base64. */
  readonly filter?: string | undefined;
  /** Whom it becomes; absent: who it is. */
  readonly user?: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] } | undefined;
  /** Nothing it executes may gain privileges. */
  readonly noNewPrivileges: boolean;
  readonly cwd: string;
  readonly argv: readonly string[];
  /** `NAME=value`; of these PATH is what the command is looked up in. */
  readonly env: readonly string[];
}

/** What is done in new namespaces before their root is entered. */
export interface NamespaceJob {
  /** The root file system, which everything below is relative to. */
  readonly root: string;
  readonly hostname: string;
  readonly ownNetwork: boolean;
  readonly mounts: readonly JobMount[];
  /** Paths inside that are hidden, and that are made read-only; those that are not there are passed over. */
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
}

/** As in an OCI specification. `/dev` is filled with the usual nodes once it is mounted. */
export interface JobMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** What a launcher says, on its descriptor 4, when it could not become the command. */
export interface LaunchFailure {
  readonly kind: "not-found" | "not-executable" | "no-interpreter" | "bad-format" | "no-directory" | "setup";
  /** With the errno. */
  readonly message: string;
}
