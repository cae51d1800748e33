import { execFile, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { AppError } from "../../src/base/errors.ts";

export interface ToolOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string | Buffer;
  /** `inherit` shows what the tool says while it runs. Default: kept, and shown when it fails. */
  readonly stderr?: "inherit";
}

const MAX_OUTPUT = 512 * 1024 * 1024;

/** Runs a program to its end and returns what it printed. */
export function runTool(file: string, args: readonly string[], options: ToolOptions = {}): string {
  const done = spawnSync(file, args, {
    cwd: options.cwd,
    env: options.env,
    input: options.input,
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT,
    stdio: ["pipe", "pipe", options.stderr ?? "pipe"],
  });
  if (done.error !== undefined) throw toolError(file, args, done.error.message, done.error);
  if (done.status !== 0) {
    throw toolError(file, args, `${done.signal ?? `exit code ${done.status}`}\n${tail(done.stderr ?? "")}`);
  }
  return done.stdout;
}

/** The same without holding up the event loop, for work that goes on side by side. */
export function runToolAsync(file: string, args: readonly string[], options: ToolOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { cwd: options.cwd, env: options.env, encoding: "utf8", maxBuffer: MAX_OUTPUT },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(toolError(file, args, `exit code ${error.code}\n${tail(stderr)}`, error));
      },
    );
    child.stdin?.end(options.input);
  });
}

/** The program's absolute path, or undefined. Looks in the sbin directories too, as users' PATH lacks them. */
export function findProgram(name: string): string | undefined {
  const path = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  for (const directory of path.split(delimiter)) {
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      continue;
    }
  }
  return undefined;
}

function toolError(file: string, args: readonly string[], found: string, cause?: unknown): AppError {
  return new AppError("BED_TOOL", `${[file, ...args].join(" ").slice(0, 400)}: ${found}`, { cause });
}

function tail(text: string): string {
  return text.trimEnd().split("\n").slice(-20).join("\n");
}
