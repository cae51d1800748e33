import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { loadProcessCalls, loadSyscalls } from "../../sys/load-syscalls.ts";
import { LIMIT } from "../../sys/process-calls.ts";
import type { ProcessCalls } from "../../sys/process-calls.ts";
import { enterRoot } from "./enter-root.ts";
import { becomeCommand } from "./become-command.ts";
import type { LaunchFailure, LaunchJob } from "./job.ts";

const JOB = 3;
const REPORT = 4;

/**
 * The launcher: a process that waits for a job on descriptor 3 and then becomes a command of a RUN. It is
 * started before it is needed, since that takes 40 ms and what it does then takes one.
 */
function main(): void {
  const calls = loadProcessCalls();
  const syscalls = loadSyscalls();
  const text = readFileSync(JOB, "utf8");
  // Whoever started us has ended, or needs us no more.
  if (text === "") return;
  const job = JSON.parse(text) as LaunchJob;
  try {
    // Whoever shares our user must not look into us while we still hold what the RUN is not to have.
    calls.setUndumpable();
    syscalls.closeOnExecFrom(3);
    calls.setLimit(LIMIT.LOCKS, BigInt(job.mark));
    process.umask(0o022);
    for (const entry of job.cgroups ?? []) writeFileSync(entry, "0");
    if (job.mounts !== undefined) enterRoot(job.mounts, syscalls, calls);
    if (job.chroot !== undefined) {
      calls.chroot(job.chroot);
      process.chdir("/");
    }
    for (const { limit, soft, hard } of job.limits ?? []) calls.setLimit(limit, BigInt(soft), BigInt(hard));
  } catch (error) {
    return report({ kind: "setup", message: error instanceof Error ? error.message : String(error) }, calls);
  }
  report(becomeCommand(job, calls), calls);
}

function report(failure: LaunchFailure, calls: ProcessCalls): void {
  writeSync(REPORT, JSON.stringify(failure));
  // Node's own way out goes by libuv, which the filter denies io_uring: it would complain, in the RUN's output.
  calls.exit(1);
}

main();
