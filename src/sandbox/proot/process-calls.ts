import { int, word } from "../fake-root/context.ts";
import type { Call, Handler } from "../fake-root/context.ts";
import { ERRNO } from "../fake-root/places.ts";
import type { Outcome } from "../fake-root/tracee.ts";

/**
 * Calls that reach other processes: those of the guest only. What runs beside it has the same user, so
 * nothing else would keep them apart.
 */
export function processCalls(everTraced: ReadonlySet<number>): Readonly<Record<string, Handler>> {
  const toProcess = (pid: number): Outcome => (everTraced.has(pid) ? "native" : -ERRNO.ESRCH);
  return {
    kill: (call) => {
      const pid = int(call, 0);
      if (pid === -1) return killAll(call);
      return pid === 0 ? "native" : toProcess(Math.abs(pid));
    },
    tkill: (call) => toProcess(int(call, 0)),
    tgkill: (call) => toProcess(int(call, 0)),
    rt_sigqueueinfo: (call) => toProcess(int(call, 0)),
    pidfd_open: (call) => toProcess(int(call, 0)),
    process_vm_readv: (call) => toProcess(int(call, 0)),
    process_vm_writev: (call) => toProcess(int(call, 0)),
    // One tracer is all that a process can have.
    ptrace: () => -ERRNO.EPERM,
  };
}

function killAll(call: Call): Outcome {
  const { tracee, context } = call;
  const others = new Set([...context.tracees.values()].map(({ pid }) => pid).filter((pid) => pid !== tracee.pid));
  if (others.size === 0) return -ERRNO.ESRCH;
  for (const pid of others) {
    try {
      process.kill(pid, word(call, 1));
    } catch {
      // It ended meanwhile.
    }
  }
  return 0;
}
