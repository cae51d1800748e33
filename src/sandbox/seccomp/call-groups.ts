/**
 * What a RUN may ask of the kernel: Docker's default profile in meaning, grouped by purpose. A call
 * that is in no group that applies answers EPERM. Names that a kernel or an architecture lacks are passed
 * over by the runtimes, so one table serves all.
 */
export interface SyscallGroup {
  readonly purpose: string;
  /** Names, separated by white space. */
  readonly names: string;
  readonly when?: SyscallCondition | undefined;
  /** Restricts one argument; without it every call of these names is meant. */
  readonly argument?: ArgumentTest | undefined;
  /** Instead of being allowed the call answers this errno. */
  readonly errno?: number | undefined;
}

export interface SyscallCondition {
  /** Only with this capability in the bounding set. */
  readonly capability?: string | undefined;
  /** Only without this capability. */
  readonly withoutCapability?: string | undefined;
  /** Only on these machines, named as images name architectures. */
  readonly architectures?: readonly string[] | undefined;
  readonly notArchitectures?: readonly string[] | undefined;
}

/** Of one argument: the bits of `mask` are those of `value`. */
export interface ArgumentTest {
  readonly index: number;
  readonly value: number;
  /** Default: all 64 bits. */
  readonly mask?: number | undefined;
}

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET: `unshare` by another name. */
const NEW_NAMESPACES = 0x7e020000;
const ENOSYS = 38;

/**
 * The families of sockets but for AF_ALG (38) and AF_VSOCK (40): those whose number has this value under this mask.
 * The kernel takes 32 bits of the argument for it, so no more may be looked at: Docker's own profile compares 64,
 * and with one of the others set it lets all pass.
 */
const FAMILIES = [
  { mask: 0xffff_ffe0, value: 0 },
  { mask: 0xffff_fffc, value: 32 },
  { mask: 0xffff_fffe, value: 36 },
  { mask: 0xffff_ffff, value: 39 },
  { mask: 0xffff_ffff, value: 41 },
  { mask: 0xffff_fffe, value: 42 },
  { mask: 0xffff_fffc, value: 44 },
  { mask: 0xffff_fff0, value: 48 },
];

export const SYSCALL_GROUPS: readonly SyscallGroup[] = [
  {
    purpose: "open, read and write files",
    names: `open openat openat2 creat close close_range read readv pread64 preadv preadv2 readahead write writev pwrite64 pwritev
      pwritev2 lseek _llseek dup dup2 dup3 fcntl fcntl64 ioctl flock fallocate fadvise64 fadvise64_64 ftruncate ftruncate64 truncate
      truncate64 fsync fdatasync sync syncfs sync_file_range sendfile sendfile64 splice tee vmsplice copy_file_range pipe pipe2
      memfd_create cachestat`,
  },
  {
    purpose: "names, metadata and attributes of files",
    names: `access faccessat faccessat2 chdir fchdir getcwd chmod fchmod fchmodat fchmodat2 chown chown32 fchown fchown32 fchownat
      lchown lchown32 link linkat symlink symlinkat readlink readlinkat rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir
      mknod mknodat getdents getdents64 stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs
      fstatfs64 statmount listmount umask utime utimes utimensat utimensat_time64 futimesat name_to_handle_at getxattr getxattrat
      lgetxattr fgetxattr setxattr setxattrat lsetxattr fsetxattr listxattr listxattrat llistxattr flistxattr removexattr
      removexattrat lremovexattr fremovexattr`,
  },
  {
    purpose: "watch files",
    names: "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch fanotify_mark",
  },
  {
    purpose: "wait for descriptors",
    names: `select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl epoll_ctl_old
      epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 signalfd signalfd4`,
  },
  {
    purpose: "asynchronous reads and writes",
    names: "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit",
  },
  {
    purpose: "memory",
    names: `brk mmap mmap2 munmap mremap mprotect madvise mincore mlock mlock2 mlockall munlock munlockall msync mseal
      map_shadow_stack remap_file_pages membarrier memfd_secret pkey_alloc pkey_free pkey_mprotect process_mrelease`,
  },
  {
    purpose: "processes and threads",
    names: `fork vfork execve execveat exit exit_group wait4 waitid waitpid getpid getppid gettid getpgid getpgrp setpgid getsid setsid
      pidfd_open pidfd_send_signal prctl set_tid_address set_robust_list get_robust_list set_thread_area get_thread_area rseq uretprobe
      futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake restart_syscall getcpu`,
  },
  {
    purpose: "signals",
    names: `kill tkill tgkill pause sigaltstack sigprocmask sigreturn rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
      rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo`,
  },
  {
    purpose: "users, groups and capabilities",
    names: `getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getgroups getgroups32 getresuid getresuid32 getresgid
      getresgid32 setuid setuid32 setgid setgid32 setgroups setgroups32 setreuid setreuid32 setregid setregid32 setresuid setresuid32
      setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset`,
  },
  {
    purpose: "scheduling, limits and usage",
    names: `sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam sched_getscheduler
      sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 sched_yield
      getpriority setpriority ioprio_get ioprio_set getrlimit setrlimit ugetrlimit prlimit64 getrusage times sysinfo uname`,
  },
  {
    purpose: "clocks and timers; setting the clock needs CAP_SYS_TIME all the same",
    names: `time gettimeofday nanosleep alarm getitimer setitimer clock_getres clock_getres_time64 clock_gettime clock_gettime64
      clock_nanosleep clock_nanosleep_time64 adjtimex clock_adjtime clock_adjtime64 timer_create timer_delete timer_getoverrun
      timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
      timerfd_settime64`,
  },
  {
    purpose: "sockets, except for making one",
    names: `accept accept4 bind connect listen shutdown socketpair socketcall getsockname getpeername getsockopt setsockopt recv
      recvfrom recvmsg recvmmsg recvmmsg_time64 send sendto sendmsg sendmmsg`,
  },
  {
    purpose: "System V and POSIX interprocess communication",
    names: `ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget mq_getsetattr
      mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink`,
  },
  {
    purpose: "random numbers and self-confinement",
    names: "getrandom seccomp landlock_add_rule landlock_create_ruleset landlock_restrict_self riscv_hwprobe",
  },
  {
    purpose: "debuggers: safe since Linux 4.8, where a tracer no longer gets past seccomp",
    names: "ptrace process_vm_readv process_vm_writev",
  },

  // The kernel's crypto interface and the way to the hypervisor are the two families with holes in them.
  ...FAMILIES.map(({ mask, value }): SyscallGroup => ({
    purpose: "sockets of all other families",
    names: "socket",
    argument: { index: 0, mask, value },
  })),

  ...[0x0, 0x8, 0x20000, 0x20008, 0xffffffff].map((value): SyscallGroup => ({
    purpose: "execution domains Linux and Linux32, with uname 2.6, and asking for the current one",
    names: "personality",
    argument: { index: 0, value },
  })),

  {
    purpose: "new processes, in the same namespaces",
    names: "clone",
    argument: { index: 0, mask: NEW_NAMESPACES, value: 0 },
    when: { withoutCapability: "CAP_SYS_ADMIN", notArchitectures: ["s390x"] },
  },
  {
    purpose: "the same where the flags are the second argument",
    names: "clone",
    argument: { index: 1, mask: NEW_NAMESPACES, value: 0 },
    when: { withoutCapability: "CAP_SYS_ADMIN", architectures: ["s390x"] },
  },
  {
    purpose: "flags behind a pointer cannot be checked: C libraries fall back to clone",
    names: "clone3",
    errno: ENOSYS,
    when: { withoutCapability: "CAP_SYS_ADMIN" },
  },

  { purpose: "of one machine", names: "sync_file_range2 swapcontext", when: { architectures: ["ppc64le"] } },
  {
    purpose: "of one machine",
    names: "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
    when: { architectures: ["arm", "arm64"] },
  },
  { purpose: "of one machine", names: "arch_prctl modify_ldt", when: { architectures: ["amd64"] } },
  { purpose: "of one machine", names: "modify_ldt", when: { architectures: ["386"] } },
  {
    purpose: "of one machine",
    names: "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
    when: { architectures: ["s390x"] },
  },
  { purpose: "of one machine", names: "riscv_flush_icache", when: { architectures: ["riscv64"] } },

  { purpose: "open by handle", names: "open_by_handle_at", when: { capability: "CAP_DAC_READ_SEARCH" } },
  {
    purpose: "mounts, namespaces and the rest of the administrator's",
    names: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
      lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns
      syslog umount umount2 unshare`,
    when: { capability: "CAP_SYS_ADMIN" },
  },
  { purpose: "reboot", names: "reboot", when: { capability: "CAP_SYS_BOOT" } },
  { purpose: "change the root", names: "chroot", when: { capability: "CAP_SYS_CHROOT" } },
  {
    purpose: "kernel modules",
    names: "delete_module init_module finit_module",
    when: { capability: "CAP_SYS_MODULE" },
  },
  { purpose: "accounting", names: "acct", when: { capability: "CAP_SYS_PACCT" } },
  {
    purpose: "other processes' insides",
    names: "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
    when: { capability: "CAP_SYS_PTRACE" },
  },
  { purpose: "ports", names: "iopl ioperm", when: { capability: "CAP_SYS_RAWIO" } },
  {
    purpose: "set the clock",
    names: "settimeofday stime clock_settime clock_settime64",
    when: { capability: "CAP_SYS_TIME" },
  },
  { purpose: "hang up terminals", names: "vhangup", when: { capability: "CAP_SYS_TTY_CONFIG" } },
  {
    purpose: "memory of nodes",
    names: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    when: { capability: "CAP_SYS_NICE" },
  },
  { purpose: "the kernel's log", names: "syslog", when: { capability: "CAP_SYSLOG" } },
  { purpose: "programs for the kernel", names: "bpf", when: { capability: "CAP_BPF" } },
  { purpose: "performance counters", names: "perf_event_open", when: { capability: "CAP_PERFMON" } },
];
