import { accessSync, constants } from "node:fs";
import { isAbsolute, join } from "node:path";
import { AppError, messageOf } from "../../base/errors.ts";
import { printable } from "../redact.ts";
import { ANONYMOUS } from "./credential.ts";
import type { Credential } from "./credential.ts";

export interface HelperCall {
  /** The `X` of `docker-credential-X`. */
  readonly name: string;
  /** What the helper is asked for. */
  readonly server: string;
  /** The file that names the helper. */
  readonly source: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default 30 s. */
  readonly timeoutMs?: number | undefined;
}

const MAX_OUTPUT_BYTES = 64 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
/** docker-credential-helpers, credentials/error.go: the one failure that means "anonymous". */
const NOT_FOUND = "credentials not found in native keychain";

/**
 * Asks `docker-credential-X get`, the server on its standard input.
 *
 * Throws `CREDENTIALS_HELPER_MISSING` and `CREDENTIALS_HELPER_FAILED`: going on without the account that
 * the user set up would only fail later, and less clearly.
 */
export async function askHelper(call: HelperCall, signal: AbortSignal): Promise<Credential> {
  const program = `docker-credential-${call.name}`;
  const path = findProgram(program, call.env["PATH"] ?? "");
  if (path === undefined) throw missing(program, call.source);
  const { code, stdout, stderr } = await run(path, call, signal);
  if (code === 0) return parseAnswer(stdout, program, call.source);
  if (stdout.includes(NOT_FOUND) || stderr.includes(NOT_FOUND)) return ANONYMOUS;
  throw failed(program, call, `it ended with exit code ${code}: ${printable(stderr || stdout)}`);
}

/** Only absolute directories of PATH: a helper is never taken from the working directory. */
function findProgram(program: string, path: string): string | undefined {
  if (!/^docker-credential-[A-Za-z0-9][A-Za-z0-9._-]*$/.test(program)) return undefined;
  return path
    .split(":")
    .filter(isAbsolute)
    .map((directory) => join(directory, program))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(path: string, call: HelperCall, signal: AbortSignal): Promise<Outcome> {
  signal.throwIfAborted();
  const { spawn } = process.getBuiltinModule("node:child_process");
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  // A group of its own, so that what the helper started ends with it.
  const child = spawn(path, ["get"], {
    cwd: "/",
    env: { ...call.env },
    detached: true,
    stdio: "pipe",
  });
  const stop = (error: unknown): void => {
    killGroup(child.pid);
    reject(error);
  };
  const limitMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer = setTimeout(() => stop(failed(path, call, `no answer within ${limitMs / 1000} s`)), limitMs);
  const abort = (): void => stop(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      if (output[name].length > MAX_OUTPUT_BYTES)
        stop(failed(path, call, `it printed more than ${MAX_OUTPUT_BYTES} bytes`));
    });
  }
  child.on("error", (error) => stop(failed(path, call, messageOf(error), error)));
  child.on("close", (code) => resolve({ code: code ?? 1, ...output }));
  // A helper that does not read its input closes the pipe; its exit code tells.
  child.stdin.on("error", () => undefined);
  child.stdin.end(call.server);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended in the meantime.
  }
}

function parseAnswer(stdout: string, program: string, source: string): Credential {
  let answer: unknown;
  try {
    answer = JSON.parse(stdout);
  } catch {
    answer = undefined;
  }
  const { Username: username, Secret: secret } = (answer ?? {}) as {
    Username?: unknown;
    Secret?: unknown;
  };
  if (typeof username !== "string" || typeof secret !== "string") {
    throw failed(program, { source }, "its answer is not a JSON object with Username and Secret");
  }
  const from = `${program} (named in ${source})`;
  if (username === "" && secret === "") return ANONYMOUS;
  if (username === "<token>") return { kind: "identity-token", token: secret, source: from };
  return { kind: "password", username, password: secret, source: from };
}

function missing(program: string, source: string): AppError {
  return new AppError(
    "CREDENTIALS_HELPER_MISSING",
    `${source} names the credential helper ${program}, which is not in PATH`,
    {
      hint: `Install ${program}, or remove its credsStore or credHelpers line from ${source}.`,
    },
  );
}

function failed(program: string, { source }: Pick<HelperCall, "source">, what: string, cause?: unknown): AppError {
  return new AppError(
    "CREDENTIALS_HELPER_FAILED",
    `the credential helper ${program} (named in ${source}) failed: ${what}`,
    {
      hint: `Run it by hand to see why: echo HOST | ${program} get`,
      cause,
    },
  );
}
