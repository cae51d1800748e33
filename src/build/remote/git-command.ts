import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { ProcessContext } from "../../base/context.ts";
import { AppError } from "../../base/errors.ts";
import { DEFAULT_RETRY, systemClock } from "../../registry/retry.ts";
import { printable } from "../../registry/redact.ts";
import { run } from "../../sys/run.ts";
import type { RunResult } from "../../sys/run.ts";

/** How git is run: in a directory of its own, with nothing of the user's settings. */
export interface GitRunner {
  /** Empty, and removed by whoever made it. */
  readonly directory: string;
  readonly env: ProcessContext["env"];
  readonly signal: AbortSignal;
  /** Socket of the SSH agent, asked for where an address needs one. */
  agent(): string | undefined;
}

export interface GitOptions {
  readonly gitDirectory?: string | undefined;
  /** Header of each request to URLs that begin so. It is handed over by the environment, which other users cannot read. */
  readonly authorization?: { readonly scope: string; readonly header: string } | undefined;
}

/**
 * No program of a repository, of the user or of the machine is run: no hooks, filters, credential helpers or
 * fsmonitor, and no transport but these four.
 */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.askPass=",
  "credential.helper=",
  "gc.auto=0",
  "maintenance.auto=false",
  "fetch.recurseSubmodules=false",
  "init.defaultBranch=master",
  "http.lowSpeedLimit=1",
  "http.lowSpeedTime=60",
  // Modes as a checkout with the usual umask has them.
  "tar.umask=0022",
].flatMap((setting) => ["-c", setting]);

/** Runs git to its end; how it ended is the caller's to judge. Throws `GIT_MISSING`. */
export async function runGit(args: readonly string[], runner: GitRunner, options: GitOptions = {}): Promise<RunResult> {
  mkdirSync(runner.directory, { recursive: true, mode: 0o700 });
  const result = await run(["git", ...SETTINGS, ...args], {
    cwd: runner.directory,
    env: { ...environment(runner, options), ...agentFor(args, runner) },
    signal: runner.signal,
    leashed: true,
  });
  // What a shell says of a program that is not there.
  if (result.code !== 127) return result;
  throw new AppError("GIT_MISSING", "git is not installed, which ADD and build contexts of git repositories need", {
    hint: "Install git, or take the files from an archive: ADD --unpack https://HOST/ARCHIVE.tar.gz PATH.",
  });
}

/** As {@link runGit}, of a command that has to work: what it printed. Trouble that may pass is waited out. */
export async function git(
  what: string,
  args: readonly string[],
  runner: GitRunner,
  options: GitOptions = {},
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const result = await runGit(args, runner, options);
    if (result.code === 0) return result.stdout;
    const error = gitError(what, result);
    if (!error.retryable || attempt === ATTEMPTS) throw error;
    await systemClock.sleep(DEFAULT_RETRY.baseMs * 2 ** attempt, runner.signal);
  }
}

const ATTEMPTS = 4;

export function gitError(what: string, { stderr, signal, code }: RunResult): AppError {
  const lines = stderr.split("\n").map((line) => line.replace(/^(?:fatal|error|remote): /, "").trim());
  const said = printable(lines.filter((line) => line !== "").join("; "), 500);
  const message = `${what}: ${said || (signal ?? `git exited with ${code}`)}`;
  if (REFUSED.test(stderr)) {
    return new AppError("GIT_REFUSED", message, {
      hint: "Check the address; of a private repository give a token by --secret id=GIT_AUTH_TOKEN, or by SSH an agent with --ssh default.",
    });
  }
  if (REDIRECTED.test(stderr)) {
    return new AppError("GIT_REFUSED", message, {
      hint: "The server redirects, and a token goes to the address alone that was named: name the one it redirects to, as curl -I URL/info/refs shows it.",
    });
  }
  if (PASSING.test(stderr)) return new AppError("GIT_UNREACHABLE", message, { hint: REACH_HINT, retryable: true });
  if (UNREACHABLE.test(stderr)) return new AppError("GIT_UNREACHABLE", message, { hint: REACH_HINT });
  return new AppError("GIT_FAILED", message, { hint: "Try the same with git ls-remote or git clone." });
}

const REACH_HINT = "Check the address, the network of this machine and its proxy.";
const REFUSED =
  /could not read (?:Username|Password)|Authentication failed|returned error: 40[134]|Permission denied|not found|Repository not found|Host key verification failed|does not appear to be a git repository/i;
const REDIRECTED = /returned error: 30[12378]/;
const PASSING =
  /Connection (?:refused|reset|timed out)|early EOF|RPC failed|returned error: (?:429|5\d\d)|unexpected disconnect|hung up unexpectedly|Empty reply|Operation too slow/i;
const UNREACHABLE = /Could not resolve host|unable to access|unable to connect|Couldn't connect/i;

/** As BuildKit has it, keys for SSH come from the agent that the build was given. */
function agentFor(args: readonly string[], runner: GitRunner): Readonly<Record<string, string>> {
  const remote = args.find((arg) => /^ssh:\/\/|^[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:/.test(arg));
  if (remote === undefined) return {};
  const agent = runner.agent();
  if (agent !== undefined) return { SSH_AUTH_SOCK: agent };
  throw new AppError("SSH_MISSING", `${remote} is reached by SSH, and the build was given no agent`, {
    hint: "Build with --ssh default and SSH_AUTH_SOCK set, or use the https address.",
  });
}

function environment({ env, directory }: GitRunner, options: GitOptions): Readonly<Record<string, string>> {
  const chosen: Record<string, string> = {
    PATH: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LC_ALL: "C",
    HOME: directory,
    XDG_CONFIG_HOME: directory,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "http:https:git:ssh",
    GIT_SSH_COMMAND: sshCommand(env, directory),
    // A repository around the store is not to be found.
    GIT_CEILING_DIRECTORIES: join(directory, ".."),
  };
  for (const name of PASSED) if (env[name]) chosen[name] = env[name];
  if (env["SSL_CERT_FILE"]) chosen["GIT_SSL_CAINFO"] ??= env["SSL_CERT_FILE"];
  if (options.gitDirectory !== undefined) chosen["GIT_DIR"] = options.gitDirectory;
  if (options.authorization !== undefined) {
    const { scope, header } = options.authorization;
    // Git takes the header along to wherever the first request is redirected.
    const settings = { extraHeader: `Authorization: ${header}`, followRedirects: "false" };
    chosen["GIT_CONFIG_COUNT"] = String(Object.keys(settings).length);
    for (const [index, [name, value]] of Object.entries(settings).entries()) {
      chosen[`GIT_CONFIG_KEY_${index}`] = `http.${scope}.${name}`;
      chosen[`GIT_CONFIG_VALUE_${index}`] = value;
    }
  }
  return chosen;
}

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];
const PASSED = [...PROXIES, ...PROXIES.map((name) => name.toLowerCase()), "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "TMPDIR"];

/**
 * Hosts that the user knows must be who they were; others are taken as they come, and forgotten, which is
 * what BuildKit does with all of them.
 */
function sshCommand(env: ProcessContext["env"], directory: string): string {
  const hosts = join(directory, "known_hosts");
  const own = join(env["HOME"] ?? "/", ".ssh/known_hosts");
  if (!existsSync(hosts) && existsSync(own)) copyFileSync(own, hosts);
  const options = [
    "BatchMode=yes",
    "StrictHostKeyChecking=accept-new",
    "IdentityFile=none",
    `UserKnownHostsFile="${hosts}"`,
  ];
  return [
    "ssh",
    "-F",
    "/dev/null",
    ...options.flatMap((option) => ["-o", `'${option.replaceAll("'", "'\\''")}'`]),
  ].join(" ");
}
