import { AppError } from "../../../base/errors.ts";
import { cleanPath } from "../../../base/clean-path.ts";
import type { Command, RunInstruction } from "../instructions/types.ts";
import { argumentsError } from "../errors.ts";
import { heredocText, parseHeredocWord } from "../heredoc.ts";
import { SCRIPT_DIRECTORY } from "../../../sandbox/mounts.ts";
import type { InlineFile } from "../../../worker/protocol.ts";
import { crossRun } from "./cross-run.ts";
import { convertMounts } from "./mounts.ts";
import { commitStep, fromWorkingDirectory } from "./state.ts";
import type { StageState } from "./state.ts";

export function convertRun(state: StageState, run: RunInstruction): void {
  const { node, network } = run;
  const { command, script } = withHeredocs(run);
  const argv = commandLine(state, command);
  const mounts = convertMounts(state, run);
  const { runs, buildArgs } = state.conversion.request;
  const hostname = sandboxHostname(buildArgs);
  const { variables, ...crossing } = crossRun(state, run);
  commitStep(
    state,
    {
      kind: "run",
      base: state.root,
      argv,
      env: [...[...state.env].map(([name, value]) => `${name}=${value}`), ...variables],
      hiddenEnv: state.conversion.hiddenEnv,
      cwd: cleanPath(fromWorkingDirectory(state, "")),
      user: state.config.User ?? "",
      // A build's network is the machine's, unless it is to have none.
      network: network === "none" || (network !== "host" && runs?.network === "none") ? "none" : "host",
      platform: state.platform,
      ...(runs?.hosts.length && { hosts: runs.hosts }),
      ...(runs?.ulimits.length && { ulimits: runs.ulimits }),
      ...(runs?.shmSize !== undefined && { shmSize: runs.shmSize }),
      ...(run.security === "insecure" && { insecure: true }),
      ...(hostname && { hostname }),
      ...crossing,
      ...(script !== undefined && { script }),
      ...(mounts.length > 0 && { mounts }),
    },
    node,
    `RUN ${[...argsPrefix(state), ...argv].join(" ")} # buildkit`,
  );
}

/**
 * A command with its heredocs. One that is nothing but a heredoc is its text, or with `#!` the file
 * that it is; any other gets the texts back, as the shell knows heredocs itself.
 */
function withHeredocs({ node, command, heredocs }: RunInstruction): {
  readonly command: Command;
  readonly script?: InlineFile | undefined;
} {
  const [first] = heredocs;
  if (first === undefined || command.form === "exec") return { command };
  if (parseHeredocWord(command.text) === undefined) {
    const texts = heredocs.map(({ name, content }) => `\n${content}${name}`);
    return { command: { form: "shell", text: command.text + texts.join("") } };
  }
  const content = heredocText(first);
  if (!content.startsWith("#!")) return { command: { form: "shell", text: content } };
  const { name } = first;
  if (name.includes("/") || name === "." || name === "..") {
    throw argumentsError(node, `has a script called ${name}, which is no name of a file`, "RUN <<NAME");
  }
  return { command: { form: "shell", text: `${SCRIPT_DIRECTORY}/${name}` }, script: { name, content } };
}

/** BuildKit's own argument. It ends up in /etc/hosts, too. Throws `DOCKERFILE_HOSTNAME`. */
function sandboxHostname(buildArgs: Readonly<Record<string, string>>): string | undefined {
  const name = buildArgs["BUILDKIT_SANDBOX_HOSTNAME"];
  if (name === undefined || name === "" || /^[\w.-]{1,64}$/.test(name)) return name;
  throw new AppError(
    "DOCKERFILE_HOSTNAME",
    `BUILDKIT_SANDBOX_HOSTNAME=${JSON.stringify(name)} is no name of a machine`,
    {
      hint: "Use letters, digits, dots and dashes, 64 at most.",
    },
  );
}

/** A command as it is executed: text goes to the stage's shell. */
export function commandLine(state: StageState, command: Command): readonly string[] {
  if (command.form === "exec") return command.argv;
  const shell = state.config.Shell ?? [];
  return [...(shell.length > 0 ? shell : ["/bin/sh", "-c"]), command.text];
}

/** `|2 A=b C=d`: the declared ARGs as the command saw them. */
function argsPrefix({ args, env }: StageState): readonly string[] {
  if (args.size === 0) return [];
  return [`|${args.size}`, ...[...args].map(([name, value]) => `${name}=${env.get(name) ?? value}`)];
}

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"] as const;

/** Proxy settings among the build args, under both of their names, for RUNs and no key. */
export function proxyVariables(buildArgs: Readonly<Record<string, string>>): readonly string[] {
  const names = Object.keys(buildArgs).sort();
  return PROXIES.flatMap((proxy) => {
    // Of HTTP_PROXY and http_proxy the latter counts, as in BuildKit.
    const name = names.findLast((candidate) => candidate.toUpperCase() === proxy);
    const value = name === undefined ? "" : buildArgs[name];
    return value === "" ? [] : [`${proxy}=${value}`, `${proxy.toLowerCase()}=${value}`];
  });
}
