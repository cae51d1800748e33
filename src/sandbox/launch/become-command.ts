import { statSync } from "node:fs";
import type { ProcessCalls } from "../../sys/process-calls.ts";
import type { LaunchFailure, LaunchJob } from "./job.ts";

/** The highest that any kernel has so far is 40; there is no harm in asking for more. */
const LAST_CAPABILITY = 63;

/** Gives up what the command is not to have and becomes it. Answers only when that failed. */
export function becomeCommand(job: LaunchJob, calls: ProcessCalls): LaunchFailure {
  try {
    process.chdir(job.cwd);
  } catch (error) {
    return { kind: "no-directory", message: `${job.cwd}: ${messageOf(error)}` };
  }
  try {
    restrict(job, calls);
    calls.undoNode();
  } catch (error) {
    return { kind: "setup", message: messageOf(error) };
  }
  return execute(job, calls);
}

function restrict({ capabilities, filter, user, noNewPrivileges }: LaunchJob, calls: ProcessCalls): void {
  if (capabilities !== undefined) {
    for (let one = 0; one <= LAST_CAPABILITY; one++) if (!capabilities.includes(one)) calls.dropFromBounding(one);
  }
  if (noNewPrivileges) calls.setNoNewPrivileges();
  // Before capabilities go: without them only what gains none may restrict itself.
  if (filter !== undefined) calls.setFilter(Buffer.from(filter, "base64"));
  if (user !== undefined) {
    calls.setGroups(user.groups);
    calls.setUser(user.uid, user.gid);
  }
  // Who is not root any more has none left.
  if (capabilities !== undefined && (user === undefined || user.uid === 0))
    calls.setCapabilities(capabilities.reduce((mask, one) => mask | (1n << BigInt(one)), 0n));
}

/** As execvp(3) looks a command up. */
function execute({ argv, env }: LaunchJob, calls: ProcessCalls): LaunchFailure {
  const command = argv[0] ?? "";
  const path = env.find((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  const places = command.includes("/")
    ? [command]
    : path.split(":").map((directory) => `${directory || "."}/${command}`);
  let refused: string | undefined;
  for (const place of places) {
    const errno = calls.execute(place, argv, env);
    if (errno === "ENOEXEC") return { kind: "bad-format", message: `${place}: ${errno}` };
    if (errno === "ENOENT" && exists(place)) return { kind: "no-interpreter", message: `${place}: ${errno}` };
    if (errno === "EACCES") refused = `${place}: ${errno}`;
    else if (errno !== "ENOENT" && errno !== "ENOTDIR") return { kind: "setup", message: `execve ${place}: ${errno}` };
  }
  if (refused !== undefined) return { kind: "not-executable", message: refused };
  return { kind: "not-found", message: `${command}: ENOENT` };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
