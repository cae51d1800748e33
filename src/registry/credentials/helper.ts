import { accessSync, constants } from "node:fs";
import { isAbsolute, join } from "node:path";
import { AppError, messageOf } from "../../base/errors.ts";
import type { RunResult } from "../../sys/run.ts";
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
  const { code, signal: signalled, stdout, stderr } = await ask(path, call, signal);
  if (code === 0) return parseAnswer(stdout, program, call.source);
  if (stdout.includes(NOT_FOUND) || stderr.includes(NOT_FOUND)) return ANONYMOUS;
  throw failed(program, call, `it ended with ${signalled ?? `exit code ${code}`}: ${printable(stderr || stdout)}`);
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

/** Runs the helper; a failure that is none of its own answers throws `CREDENTIALS_HELPER_FAILED`. */
async function ask(path: string, call: HelperCall, signal: AbortSignal): Promise<RunResult> {
  const { run } = await import("../../sys/run.ts");
  const { env, server: input, timeoutMs: timeout = DEFAULT_TIMEOUT_MS } = call;
  try {
    return await run([path, "get"], {
      env,
      signal,
      input,
      timeout,
      cwd: "/",
      maxOutput: MAX_OUTPUT_BYTES,
      isGroup: true,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw failed(path, call, messageOf(error), error);
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
