import { MOUNT, UMOUNT } from "./syscalls.ts";
import type { Libc } from "./libc-syscalls.ts";
import type { ProcessCalls } from "./process-calls.ts";

const PR = { SET_PDEATHSIG: 1, SET_DUMPABLE: 4, SET_SECCOMP: 22, CAPBSET_DROP: 24, SET_CHILD_SUBREAPER: 36 } as const;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const SECCOMP_MODE_FILTER = 2;
const SIGKILL = 9;
const SIGPIPE = 13;
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;
const F_SETFD = 2;
const WNOHANG = 1;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** Of pivot_root(2), which no C library has a function for. */
const SYS_PIVOT_ROOT: Readonly<Record<string, number>> = { x64: 155, arm64: 41, riscv64: 41, ppc64: 203, s390x: 217 };

type Check = (name: string, result: number, ignored?: readonly string[]) => number;

/** As {@link makeSyscalls}, for what a process does to itself. */
export function makeProcessCalls(libc: Libc, architecture: string): ProcessCalls {
  const check: Check = (name, result, ignored = []) => {
    if (result !== -1) return result;
    const errno = libc.errno();
    const code = libc.errnoName(errno);
    if (ignored.includes(code)) return -1;
    throw Object.assign(new Error(`${code}: ${name}`), { code, errno: -errno, syscall: name });
  };
  return {
    ...attributes(libc, check),
    ...identity(libc, check),
    ...places(libc, check, architecture),
    ...network(libc, check),
    ...execution(libc, check),
  };
}

type Attributes = "becomeSubreaper" | "dieWithParent" | "setNoNewPrivileges" | "setUndumpable" | "setLimit";

function attributes(libc: Libc, check: Check): Pick<ProcessCalls, Attributes> {
  const prctl = bindPrctl(libc);
  const setrlimit = libc.bind("setrlimit", "int", ["int", "void *"]);
  return {
    becomeSubreaper: () => void check("prctl", prctl(PR.SET_CHILD_SUBREAPER, 1, 0, 0, 0)),
    dieWithParent: () => void check("prctl", prctl(PR.SET_PDEATHSIG, SIGKILL, 0, 0, 0)),
    setNoNewPrivileges: () => void check("prctl", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
    setUndumpable: () => void check("prctl", prctl(PR.SET_DUMPABLE, 0, 0, 0, 0)),
    setLimit: (limit, soft, hard = soft) =>
      void check("setrlimit", setrlimit(limit, bytes(BigUint64Array.of(soft, hard)))),
  };
}

type Identity = "dropFromBounding" | "setCapabilities" | "setGroups" | "setUser" | "setFilter";

function identity(libc: Libc, check: Check): Pick<ProcessCalls, Identity> {
  const prctl = bindPrctl(libc);
  const prctlPointer = libc.bind("prctl", "int", ["int", "unsigned long", "void *"]);
  const capset = libc.bind("capset", "int", ["void *", "void *"]);
  const setgroups = libc.bind("setgroups", "int", ["unsigned long", "void *"]);
  const setresgid = libc.bind("setresgid", "int", ["unsigned int", "unsigned int", "unsigned int"]);
  const setresuid = libc.bind("setresuid", "int", ["unsigned int", "unsigned int", "unsigned int"]);
  return {
    // EINVAL: a capability that this kernel does not have.
    dropFromBounding: (capability) => void check("prctl", prctl(PR.CAPBSET_DROP, capability, 0, 0, 0), ["EINVAL"]),
    setCapabilities: (mask) => {
      check("prctl", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), ["EINVAL"]);
      const [low, high] = [Number(mask & 0xffff_ffffn), Number(mask >> 32n)];
      const header = Uint32Array.of(LINUX_CAPABILITY_VERSION_3, 0);
      check("capset", capset(bytes(header), bytes(Uint32Array.of(low, low, 0, high, high, 0))));
    },
    setGroups: (gids) => void check("setgroups", setgroups(gids.length, bytes(Uint32Array.from(gids)))),
    setUser: (uid, gid) => {
      check("setresgid", setresgid(gid, gid, gid));
      check("setresuid", setresuid(uid, uid, uid));
    },
    setFilter: (program) => {
      // struct sock_fprog: a count, and after the hole of an aligned structure the instructions' address.
      const header = Buffer.alloc(16);
      header.writeUInt16LE(program.length / 8, 0);
      header.writeBigUInt64LE(libc.addressOf(program), 8);
      check("seccomp", prctlPointer(PR.SET_SECCOMP, SECCOMP_MODE_FILTER, header));
    },
  };
}

function places(
  libc: Libc,
  check: Check,
  architecture: string,
): Pick<ProcessCalls, "chroot" | "pivotRoot" | "unshare"> {
  const chroot = libc.bind("chroot", "int", ["void *"]);
  const unshare = libc.bind("unshare", "int", ["int"]);
  const mount = libc.bind("mount", "int", ["void *", "void *", "void *", "unsigned long", "void *"]);
  const umount2 = libc.bind("umount2", "int", ["void *", "int"]);
  const syscall = libc.bind("syscall", "long", ["long", "void *", "void *"]);
  const dot = text(".");
  return {
    chroot: (path) => void check("chroot", chroot(text(path))),
    unshare: (flags) => void check("unshare", unshare(flags)),
    pivotRoot: (path) => {
      const root = text(path);
      check("mount", mount(root, root, null, MOUNT.BIND | MOUNT.REC, null));
      process.chdir(path);
      // The old root comes to lie on the new one, and is what `.` means until it is taken away.
      // Docker's filter refuses this call also to those whom it lets mount.
      if (check("pivot_root", syscall(SYS_PIVOT_ROOT[architecture] ?? -1, dot, dot), ["EPERM"]) === -1) {
        // Then the new root comes to lie on the old one, as switch_root(8) has it, where `..` of neither leads.
        check("mount", mount(dot, text("/"), null, MOUNT.MOVE, null));
        check("chroot", chroot(dot));
      } else check("umount2", umount2(dot, UMOUNT.DETACH));
      process.chdir("/");
    },
  };
}

function network(libc: Libc, check: Check): Pick<ProcessCalls, "bringUpLoopback" | "setHostname"> {
  const socket = libc.bind("socket", "int", ["int", "int", "int"]);
  const ioctl = libc.bind("ioctl", "int", ["int", "unsigned long", "void *"]);
  const close = libc.bind("close", "int", ["int"]);
  const sethostname = libc.bind("sethostname", "int", ["void *", "unsigned long"]);
  return {
    bringUpLoopback: () => {
      const fd = check("socket", socket(AF_INET, SOCK_DGRAM, 0));
      // struct ifreq: the name, then the flags.
      const request = Buffer.alloc(40);
      request.write("lo", "latin1");
      request.writeInt16LE(IFF_UP, 16);
      try {
        check("ioctl", ioctl(fd, SIOCSIFFLAGS, request));
      } finally {
        close(fd);
      }
    },
    setHostname: (name) => void check("sethostname", sethostname(text(name), Buffer.byteLength(name))),
  };
}

function execution(libc: Libc, check: Check): Pick<ProcessCalls, "undoNode" | "execute" | "exit" | "reap"> {
  const signal = libc.bind("signal", "void *", ["int", "void *"]);
  const execve = libc.bind("execve", "int", ["void *", "void *", "void *"]);
  const fcntl = libc.bind("fcntl", "int", ["int", "int", "int"]);
  const exit = libc.bind("_exit", "int", ["int"]);
  const waitpid = libc.bind("waitpid", "int", ["int", "void *", "int"]);
  return {
    undoNode: () => {
      signal(SIGPIPE, null);
      for (const fd of [0, 1, 2]) check("fcntl", fcntl(fd, F_SETFD, 0));
    },
    execute: (path, argv, env) => {
      execve(text(path), vector(argv, libc), vector(env, libc));
      return libc.errnoName(libc.errno());
    },
    exit: (code) => void exit(code),
    reap: (pid) => check("waitpid", waitpid(pid, null, WNOHANG), ["ECHILD"]) !== 0,
  };
}

function bindPrctl(libc: Libc): (option: number, ...values: readonly number[]) => number {
  return libc.bind("prctl", "int", ["int", "unsigned long", "unsigned long", "unsigned long", "unsigned long"]);
}

/** An array of pointers to C strings, ended by a null one. */
function vector(strings: readonly string[], libc: Libc): Uint8Array {
  const kept = strings.map(text);
  const pointers = BigUint64Array.from([...kept.map((one) => libc.addressOf(one)), 0n]);
  held.push(kept);
  return bytes(pointers);
}

/** What C has the address of, until the process has become another one. */
const held: unknown[] = [];

function text(value: string): Uint8Array {
  return Buffer.from(`${value}\0`, "utf8");
}

function bytes(values: Uint32Array | BigUint64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
