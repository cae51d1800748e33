/**
 * System calls that change the calling process on its way to becoming another program, which Node
 * lacks. Got by `loadProcessCalls` (load-process-calls.ts). A failure is thrown as in syscalls.ts.
 */
export interface ProcessCalls {
  /** Orphans among its descendants become children of this process. */
  becomeSubreaper(): void;
  /** SIGKILL for this process when the thread that started it ends. */
  dieWithParent(): void;
  /** Nothing that it executes gains what it has not. */
  setNoNewPrivileges(): void;
  /** No process without special rights may look into this one. */
  setUndumpable(): void;
  /** setrlimit(2), for {@link LIMIT}; without `hard` both limits are `soft`. */
  setLimit(limit: number, soft: bigint, hard?: bigint): void;
  /** By number; what is not there is passed over. */
  dropFromBounding(capability: number): void;
  /** Permitted and effective are `mask`, inheritable and ambient nothing. */
  setCapabilities(mask: bigint): void;
  setGroups(gids: readonly number[]): void;
  setUser(uid: number, gid: number): void;
  chroot(path: string): void;
  /** Makes the directory `path` the root of this mount namespace; the old one is taken away, or lies below where that is refused. */
  pivotRoot(path: string): void;
  /** unshare(2), of joined {@link CLONE} flags. */
  unshare(flags: number): void;
  /** Brings up the loopback interface of a new network namespace. */
  bringUpLoopback(): void;
  setHostname(name: string): void;
  /** Restricts this thread, and what it executes, to a program of `struct sock_filter`. */
  setFilter(program: Uint8Array): void;
  /** Undoes what Node does to itself: it ignores SIGPIPE and closes standard descriptors on execution. */
  undoNode(): void;
  /** Answers only when it failed, with the error's name. `path` is not looked up. */
  execute(path: string, argv: readonly string[], env: readonly string[]): string;
  /** _exit(2): at once, with nothing of Node's own done. */
  exit(code: number): void;
  /** Whether `pid`, a child of ours that nobody else waits for, has ended and is reaped. */
  reap(pid: number): boolean;
}

/** Flags of unshare(2). */
export const CLONE = {
  NEWNS: 0x0002_0000,
  NEWCGROUP: 0x0200_0000,
  NEWUTS: 0x0400_0000,
  NEWIPC: 0x0800_0000,
  NEWNET: 0x4000_0000,
} as const;

/** Resources of setrlimit(2), the same on every architecture that we run on. */
export const LIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  LOCKS: 10,
  SIGPENDING: 11,
  MSGQUEUE: 12,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;
