import { AppError } from "../base/errors.ts";
import type { ContainerEnd } from "./container.ts";
import { oomKills } from "./memory-pressure.ts";

/** A command that ended with another code than 0, as an error. Carries the code: the build exits with its own. */
export class RunFailure extends AppError {
  readonly exitCode: number;

  constructor(message: string, exitCode: number, hint?: string) {
    super("RUN_FAILED", message, { hint });
    this.name = "RunFailure";
    this.exitCode = exitCode;
  }
}

export interface RunCircumstances {
  readonly argv: readonly string[];
  /** Of the image, for what is said of binaries that do not run. */
  readonly platform: string;
  /** Processes that the kernel killed for want of memory meanwhile, on the whole machine. */
  readonly oomKills: number;
}

/** `oomKillsBefore`: what {@link oomKills} said when the command began. */
export function circumstancesOf(
  { argv, platform }: Pick<RunCircumstances, "argv" | "platform">,
  oomKillsBefore: number,
): RunCircumstances {
  return { argv, platform, oomKills: oomKills() - oomKillsBefore };
}

/** What went wrong with a command, or with starting it; undefined where nothing did. */
export function runFailure(end: ContainerEnd, circumstances: RunCircumstances): AppError | undefined {
  if (end.complaint !== undefined) return startFailure(end.complaint, circumstances);
  if (end.exitCode === 0) return undefined;
  return (
    execFailure(end, circumstances) ??
    new RunFailure(exitText(end.exitCode, circumstances.oomKills), end.exitCode, machineHint(end.stderrTail))
  );
}

/** As Go, git and OpenSSL say it. */
const UNKNOWN_AUTHORITY =
  /certificate signed by unknown authority|certificate verif\w+ failed|unable to get local issuer certificate/i;

/** What a command complains of where the fault is this machine's, and not the Dockerfile's. */
function machineHint(stderrTail: string): string | undefined {
  if (/no space left on device/i.test(stderrTail)) {
    return "Free some space on the disk of the store, or put the store elsewhere with --root or MANYARCH_ROOT; /dev/shm is as large as --shm-size.";
  }
  if (UNKNOWN_AUTHORITY.test(stderrTail)) {
    return "Name the certificate authorities of your network in SSL_CERT_FILE where manyarch runs: RUN trusts them too, unless --host-ca is off.";
  }
  return undefined;
}

/** What crun and runc say of a command that is not there, or may not be executed. */
const NOT_FOUND = /executable file .*not found|exec: .*no such file/i;
const NOT_PERMITTED = /exec: .*(?:permission denied|is a directory)|open executable: permission denied/i;

/** Whether a runtime's complaint is about the command, and not about what the runtime could not do. */
export function isOfCommand(complaint: string): boolean {
  return NOT_FOUND.test(complaint) || NOT_PERMITTED.test(complaint);
}

/** The runtime found out before it started the command. */
function startFailure(complaint: string, { argv }: RunCircumstances): AppError {
  const command = JSON.stringify(argv[0] ?? "");
  if (NOT_FOUND.test(complaint)) {
    return new RunFailure(`exec: ${command}: no such file in the image`, 127, missingHint(argv[0] ?? ""));
  }
  if (NOT_PERMITTED.test(complaint)) {
    return new RunFailure(
      `exec: ${command}: permission denied`,
      126,
      "Make the file executable, with COPY --chmod=0755 or an earlier RUN chmod.",
    );
  }
  return new AppError("SANDBOX_FAILED", `the sandbox could not be made: ${complaint}`, {
    hint: /rlimit/i.test(complaint)
      ? "Ask for less with --ulimit: only root may go above the hard limits of this process (ulimit -H -a)."
      : "Install the other runtime as well (crun or runc), which is then tried too.",
  });
}

/** The kernel refused the command, which the runtime's last words on standard error tell. */
function execFailure(
  { stderrTail, exitCode }: ContainerEnd,
  { argv, platform }: RunCircumstances,
): AppError | undefined {
  const reason =
    /exec (?:container process )?[^\n]*: (exec format error|no such file or directory|permission denied)/i.exec(
      stderrTail,
    )?.[1];
  if (reason === undefined || exitCode > 1) return undefined;
  const command = JSON.stringify(argv[0] ?? "");
  switch (reason.toLowerCase()) {
    case "exec format error":
      return new RunFailure(
        `exec: ${command}: exec format error`,
        126,
        `Its binary is for another machine than this one can run (the step's platform is ${platform}), or it is a script without a #! line.`,
      );
    case "no such file or directory":
      return new RunFailure(
        `exec: ${command}: its interpreter is not in the image`,
        127,
        "Look at its #! line, or at the dynamic loader it was linked for.",
      );
    default:
      return new RunFailure(`exec: ${command}: permission denied`, 126);
  }
}

function missingHint(command: string): string {
  if (command !== "/bin/sh")
    return "Write the path of a file that is in the image at this step; the shell form needs a shell.";
  return "The image has no shell (scratch and distroless have none): RUN in a stage that has one and COPY --from it, or use the exec form.";
}

/** Shells and runtimes answer 128 and the signal's number for a command that a signal ended. */
function exitText(code: number, killed: number): string {
  const signal = code > 128 ? SIGNALS[code - 128] : undefined;
  if (signal === undefined) return `the command failed: exit code ${code}`;
  const cause = signal !== "SIGKILL" ? "" : killed > 0 ? ": the machine ran out of memory" : ", out of memory?";
  return `the command failed: exit code ${code} (killed by ${signal}${cause})`;
}

/** The same numbers on every architecture that we run on. */
const SIGNALS: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};
